"""Inputs and annotations: every way to upload them, lists, patches, deletes."""

from pathlib import Path
from typing import Any

from clarifai.client.input import Inputs
from clarifai.client.user import User
from clarifai_grpc.grpc.api import resources_pb2
from common import png, refusal, tell, until
from google.protobuf import struct_pb2

app = User().create_app("album", base_workflow="Empty")
inputs = app.inputs()
metadata = struct_pb2.Struct()
metadata.update({"k": "v", "n": 1})
Path("b.png").write_bytes(png(2))
Path("words.csv").write_text(
    'inputid,input,concepts,metadata,geopoints\nc1,hello,"a,b","{""k"": 1}","-30,40"\nc2,bye,,,\n'
)
Path("pets").mkdir()
for number in range(3):
    Path(f"pets/pet{number}.png").write_bytes(png(40 + number))
Path("texts").mkdir()
Path("texts/one.txt").write_text("from a file")


def code(sent: tuple[str, Any]) -> int:
    return int(sent[1].status.code)


codes = {
    "bytes": code(
        inputs.upload_from_bytes(
            "i1", image_bytes=png(1), labels=["people"], metadata=metadata, geo_info=[-30, 40]
        )
    ),
    "file": code(
        inputs.upload_from_file("i2", image_file="b.png", labels=["People"], label_ids=["people"])
    ),
    "url": code(inputs.upload_from_url("i3", image_url="http://127.0.0.1:9/x.png")),
    "text": code(inputs.upload_text("t1", "some text")),
    "csv": code(inputs.upload_inputs(Inputs.get_inputs_from_csv("words.csv", "text", "raw"))),
    "folder": code(inputs.upload_inputs(Inputs.get_image_inputs_from_folder("pets", labels=True))),
    "texts": code(inputs.upload_inputs(Inputs.get_text_inputs_from_folder("texts"))),
    "twice": code(inputs.upload_from_bytes("i1", image_bytes=png(1))),
}
until(lambda: app.get_input_count() == 9)
states = {item.id: item.status.code for item in inputs.list_inputs()}
one = inputs.get_input("i1")

box = Inputs.get_bbox_proto("i1", "car", [0.1, 0.2, 0.5, 0.6], label_id="a-car", annot_id="box")
mask = Inputs.get_mask_proto("i1", "road", [[0.1, 0.1], [0.5, 0.5], [0.2, 0.7]], annot_id="mask")
retries = inputs.upload_annotations([box, mask])
bad = inputs.upload_annotations([Inputs.get_bbox_proto("nobody", "x", [0, 0, 1, 1])])


def regions() -> list[list[object]]:
    found = inputs.list_annotations([resources_pb2.Input(id="i1")])
    return sorted(
        [
            annotation.id,
            round(annotation.data.regions[0].region_info.bounding_box.top_row, 3),
            len(annotation.data.regions[0].region_info.polygon.points),
            [concept.id for concept in annotation.data.regions[0].data.concepts],
        ]
        for annotation in found
        if annotation.data.regions
    )


drawn = regions()
moved = Inputs.get_bbox_proto("i1", "car", [0.1, 0.3, 0.5, 0.6], label_id="a-car", annot_id="box")
inputs.patch_annotations([moved], action="merge")
redrawn = regions()
inputs.delete_annotations(["i1"], ["mask"])
left = regions()

inputs.patch_inputs([Inputs._get_proto("i1", labels=["man"])], action="merge")
merged = [concept.id for concept in inputs.get_input("i1").data.concepts]
inputs.patch_inputs([Inputs._get_proto("i1", labels=["people"])], action="remove")
removed = [concept.id for concept in inputs.get_input("i1").data.concepts]

many = [
    Inputs.get_input_from_bytes(f"m{number}", image_bytes=png(100 + number)) for number in range(6)
]
inputs._bulk_upload(many, batch_size=3)
everything = sorted(item.id for item in inputs.list_inputs())
inputs.delete_inputs(list(inputs.list_inputs(input_type="text")))
inputs.delete_inputs([resources_pb2.Input(id="i2")])

tell(
    codes=codes,
    states=states,
    labels=[[concept.id, concept.name, concept.value] for concept in one.data.concepts],
    metadata=dict(one.data.metadata.items()),
    place=[one.data.geo.geo_point.longitude, one.data.geo.geo_point.latitude],
    retries=len(retries),
    bad=len(bad),
    regions=[drawn, redrawn, left],
    patched=[merged, removed],
    everything=everything,
    images=len(list(inputs.list_inputs(input_type="image"))),
    texts=len(list(inputs.list_inputs(input_type="text"))),
    page=len(list(inputs.list_inputs(page_no=1, per_page=4))),
    gone=inputs.get_input("i2").id,
    absent=refusal(lambda: inputs.delete_inputs([resources_pb2.Input(id="nobody")])),
)
