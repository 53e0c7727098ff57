"""Apps, concepts and relations, as a user of the SDK makes and changes them."""

from clarifai.client.app import App
from clarifai.client.user import User
from common import refusal, tell

user = User()
app = user.create_app("made", base_workflow="Empty", description="first")
twice = refusal(lambda: user.create_app("made"))
user.patch_app(
    "made",
    description="second",
    notes="n",
    base_workflow="Universal",
    is_template=True,
    visibility=10,
    default_language="en",
    image_url="https://images.example/a.jpg",
)
patched = user.app("made").app_info

app.create_concepts(["honey", "food", "sugar"], ["Honey", "Food", "Sugar"])
app.inputs().patch_concepts(["sugar"], ["Cane sugar"])
again = refusal(lambda: app.create_concepts(["honey"]))
app.create_concept_relations("honey", ["food", "sugar"], ["hyponym", "synonym"])


def relations(**query: str) -> list[list[str]]:
    found = app.search_concept_relations(**query)
    return [[item.subject_concept.id, item.predicate, item.object_concept.id] for item in found]


seen = {"all": relations(), "food": relations(concept_id="food")}
app.delete_concept_relations("honey", [next(iter(app.search_concept_relations("food"))).id])
seen["one deleted"] = relations()
app.delete_concept_relations("honey")
seen["all deleted"] = relations()

for number in range(20):
    user.create_app(f"app-{number:02}")
tell(
    me=user.get_user_info("me").user.id,
    twice=twice,
    patched=[patched.description, patched.notes, patched.default_workflow.id, patched.name],
    template=patched.is_template.value,
    concepts=sorted([item.id, item.name, item.value] for item in app.list_concepts()),
    again=again,
    relations=seen,
    all_apps=len(list(user.list_apps())),
    first_page=len(list(user.list_apps(page_no=1))),
    small_page=len(list(user.list_apps(page_no=2, per_page=15))),
    by_name=[item.id for item in user.list_apps(filter_by={"name": "app-07"})],
    public=sorted(item.id for item in App(user_id="clarifai", app_id="main").list_workflows()),
    deleted=[user.delete_app("made"), refusal(lambda: user.app("made"))],
    pipelines=refusal(lambda: list(app.list_pipelines())),
    runners=refusal(lambda: list(user.list_runners())),
)
