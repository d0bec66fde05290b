# SPDX-License-Identifier: Apache-2.0
"""Names, titles, tags and shares of generated worlds. Every name is made up, but for Just Chatting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Language -> share of the streams. English has about 45 %; the values beyond ISO 639-1 are real ones:
#: https://dev.twitch.tv/docs/api/reference#get-streams documents ``other``, captures also hold ``zh-hk``.
LANGUAGE_SHARES: Mapping[str, float] = {
    "en": 0.45, "es": 0.11, "ru": 0.08, "pt": 0.07, "de": 0.06, "fr": 0.055, "ja": 0.04, "ko": 0.03,
    "it": 0.022, "zh": 0.02, "pl": 0.017, "tr": 0.012, "th": 0.008, "ar": 0.007, "cs": 0.006, "uk": 0.005,
    "zh-hk": 0.003, "other": 0.003, "asl": 0.002,
}  # fmt: skip

#: Titles in several scripts, with what breaks a careless CSV: commas, quotes, newlines, a leading
#: ``=``, emoji held together by joiners, HTML escapes, decomposed accents, a control character.
TITLES: Mapping[str, Sequence[str]] = {
    "en": (
        'ranked until we drop, then "just one more" game',
        "=first playthrough= no spoilers please",
        "Q&amp;A with chat, then speedruns &lt;any%&gt;",
        "👩‍💻 building a game in public 🏳️‍🌈 | !discord",
        "MORNING COFFEE ☕\nthen dailies",
        "road to 1,000 followers!!!",
        "24/7 lo-fi & rain",
        "cafe\u0301 stream, cosy vibes only",
        "new setup \u0007 who dis",
    ),
    "es": ("¡Vamos a por la copa! ⚽ | !sorteo", 'Charlando un rato, "tranquilos"'),
    "ru": ("Доброе утро, чат! ☕", "Поднимаем рейтинг | !тг", "«Последняя» катка, честно"),
    "pt": ("Jogando com os inscritos, vem!", "Só mais uma partida 🇧🇷"),
    "de": ("Feierabendrunde, danach Fragen &amp; Antworten", "Größer, schneller, weiter"),
    "fr": ("On continue l'aventure, épisode 12", "Détente du soir ☕, ça papote"),
    "ja": ("【初見歓迎】のんびり雑談", "ランク戦、あと少し!"),
    "ko": ("오늘도 달려보자!", "[초보] 같이 하실 분"),
    "it": ('Si gioca e si chiacchiera, "piano piano"',),
    "zh": ("今晚一起爬分,欢迎新朋友", "聊天台|随便坐"),
    "pl": ("Wieczór z grą, zapraszam", "Żółte światło, gramy dalej"),
    "tr": ("Sohbet ve oyun, hoş geldiniz", "İlk deneyim"),
    "th": ("เล่นเกมยามดึก", "คุยกันชิล ๆ"),
    "ar": ("سهرة الليلة مع المتابعين", "لعب وسوالف"),
    "cs": ("Večerní hraní, přijďte",),
    "uk": ("Граємо разом, заходьте",),
    "zh-hk": ("夜晚傾偈,打機",),
    "other": ("🎶🎶🎶",),
    "asl": ("Signing and gaming 🤟🏽",),
}

#: Language -> the tag that most of its broadcasters set.
LANGUAGE_TAGS: Mapping[str, str] = {
    "en": "English", "es": "Español", "ru": "Русский", "pt": "Português", "de": "Deutsch", "fr": "Français",
    "ja": "日本語", "ko": "한국어", "it": "Italiano", "zh": "中文", "pl": "Polski", "tr": "Türkçe",
    "th": "ภาษาไทย",     "ar": "العربية",
    "cs": "Čeština", "uk": "Українська", "zh-hk": "中文", "asl": "ASL",
}  # fmt: skip

TAGS: Sequence[str] = (
    "Cosy", "Chatty", "FirstPlaythrough", "Speedrun", "Ranked", "SinExcusas", "ADHD", "LGBTQIA", "Music",
)  # fmt: skip

#: Display names in other scripts stand before a part of the login, as real localised names differ from it.
LOCAL_NAMES: Mapping[str, str] = {"ja": "配信", "ko": "방송", "zh": "主播", "zh-hk": "主播"}

#: Two letters each, so that a sequence of them splits in one way only.
SYLLABLES: Sequence[str] = tuple(first + second for first in "bdfklmnrtv" for second in "aiou")

#: The first few categories, most watched first; the others are put together from the parts below. The first
#: is Twitch's own: examples ask for it, and should find it here too.
FIRST_GAMES: Sequence[str] = (
    "Just Chatting", "Counter Clockwise", "League of Lanterns", "Grand Tram Auto", "Defence of the Orchards",
    "VELOCITANT", "Fourteen Nights", "Worlds of Woodcraft", "Slots &amp; Sorrows", "Café Météore",
    "Apex Gardens", "Out and About", "Sports, mostly", "Dead by Teatime", "Music &amp; Dance",
)  # fmt: skip
GAME_HEADS: Sequence[str] = (
    "Amber", "Broken", "Crimson", "Distant", "Eternal", "Frozen", "Golden", "Hollow", "Iron", "Jade", "Last",
    "Mirror", "Nordic", "Obsidian", "Paper", "Silent",
)  # fmt: skip
GAME_TAILS: Sequence[str] = (
    "Harbour", "Legends", "Kingdoms II", "Odyssey: Remastered", "Tactics", "Racer \"98\"", "Frontier",
    "Garden", "Protocol", "Dungeon", "Empires", "Café",
)  # fmt: skip
