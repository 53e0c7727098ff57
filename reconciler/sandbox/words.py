"""The languages of concepts, and the names of some public concepts in them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LANGUAGES: Final = (
    *("ar", "bn", "da", "de", "en", "es", "fi", "fr", "hi", "hu", "it", "ja"),
    *("ko", "nl", "no", "pa", "pl", "pt", "ru", "sv", "tr", "zh", "zh-TW"),
)
"""What a concept can be translated to (fact sheet, section 5)."""

_TABLE: Final = """
      ai_l8TKp2h5  ai_dxSG2s86  ai_VPmHr5bm  ai_HLmqFqBf  ai_mFqxrph2  ai_8S2Vq3cR
ar    أشخاص        رجل          بالغ         قطار         قطة          كلب
bn    মানুষ         পুরুষ        প্রাপ্তবয়স্ক    ট্রেন         বিড়াল        কুকুর
da    mennesker    mand         voksen       tog          kat          hund
de    Menschen     Mann         Erwachsener  Zug          Katze        Hund
es    personas     hombre       adulto       tren         gato         perro
fi    ihmiset      mies         aikuinen     juna         kissa        koira
fr    personnes    homme        adulte       train        chat         chien
hi    लोग          आदमी         वयस्क         रेलगाड़ी      बिल्ली        कुत्ता
hu    emberek      férfi        felnőtt      vonat        macska       kutya
it    persone      uomo         adulto       treno        gatto        cane
ja    人々          男性          大人          列車          猫            犬
ko    사람들        남자          성인          기차          고양이        개
nl    mensen       man          volwassene   trein        kat          hond
no    mennesker    mann         voksen       tog          katt         hund
pa    ਲੋਕ          ਆਦਮੀ         ਬਾਲਗ         ਰੇਲਗੱਡੀ       ਬਿੱਲੀ         ਕੁੱਤਾ
pl    ludzie       mężczyzna    dorosły      pociąg       kot          pies
pt    pessoas      homem        adulto       trem         gato         cachorro
ru    люди         мужчина      взрослый     поезд        кошка        собака
sv    människor    man          vuxen        tåg          katt         hund
tr    insanlar     erkek        yetişkin     tren         kedi         köpek
zh    人            男人          成人          火车          猫            狗
zh-TW 人            男人          成人          火車          貓            狗
"""


def _read(table: str) -> Mapping[str, Mapping[str, str]]:
    header, *lines = (line.split() for line in table.strip().splitlines())
    return MappingProxyType(
        {
            id_: MappingProxyType({line[0]: line[column] for line in lines})
            for column, id_ in enumerate(header, 1)
        }
    )


PUBLIC_NAMES: Final = _read(_TABLE)
"""Names of public concepts by id and language; the words are ours, only that there are some is known."""
