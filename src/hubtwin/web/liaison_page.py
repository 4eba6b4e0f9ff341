"""The plain page that a link opens: HTML without a script, for an old phone and an old browser, in zh and en. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from zoneinfo import ZoneInfo

from hubtwin.base.errors import HubError
from hubtwin.base.text import text
from hubtwin.model.partner import Said
from hubtwin.rules.answers import MAX_BY, MAX_NOTE
from hubtwin.web import shown_partners as sp
from hubtwin.web.schemas import partners as p
from hubtwin.web.schemas.hub import Words

OTHER = {"zh": ("en", "English"), "en": ("zh", "中文")}
HTML_LANG = {"zh": "zh-CN", "en": "en"}
STYLE = """\
body{margin:0;background:#eceef0;color:#14181c;font:16px/1.5 "Helvetica Neue",Arial,"PingFang SC","Microsoft YaHei",
"Noto Sans SC","Noto Sans CJK SC",sans-serif}
main{max-width:640px;margin:0 auto;padding:12px}
section,form{margin:0 0 12px;padding:14px 16px;background:#fff;border:1px solid #d5d9de}
h1{margin:0 0 4px;font-size:22px;line-height:1.3}
h2{margin:0 0 10px;font-size:16px}
p{margin:0 0 8px}
section p:last-child,form p:last-child{margin-bottom:0}
a{color:inherit}
.top{padding:4px 4px 12px}
.lang{float:right;padding:8px 0 8px 16px}
.faint{color:#5c6670;font-size:14px}
.mark{margin:0 0 12px;padding:10px 16px;border:2px solid #a34700;background:#fdf0e3;color:#7a3500;font-weight:bold}
.bad{margin:0 0 12px;padding:10px 16px;border-left:4px solid #b3121f;background:#fbe9ea}
.good{margin:0 0 12px;padding:10px 16px;border-left:4px solid #14181c;background:#fff;font-weight:bold}
table{width:100%;border-collapse:collapse}
th,td{padding:7px 0;border-top:1px solid #d5d9de;text-align:left;vertical-align:top}
tr:first-child th,tr:first-child td{border-top:0}
th{width:38%;padding-right:12px;font-weight:normal;color:#424a53}
td{font-weight:bold;word-break:break-word}
label{display:block;margin:0 0 10px;color:#424a53}
input,textarea{display:block;width:100%;box-sizing:border-box;margin-top:4px;padding:10px;border:1px solid #8d96a0;
border-radius:4px;background:#fff;color:#14181c;font:inherit}
input.time{width:9em}
button{width:100%;min-height:48px;padding:10px 16px;border:1px solid #1d2329;border-radius:4px;background:#1d2329;
color:#fff;font:inherit;font-weight:bold}
button.plain{background:#fff;color:#14181c}
button.refuse{border-color:#b3121f;background:#fff;color:#b3121f}
input:focus,textarea:focus,button:focus,a:focus{outline:3px solid #1a56ad;outline-offset:1px}
ol{margin:0;padding:0 0 0 20px}
@media (prefers-color-scheme:dark){
body{background:#101316;color:#eceff2}
section,form,.good{background:#191d21;border-color:#333a41}
.good{border-color:#eceff2}
.faint{color:#98a2ac}
th,label{color:#bcc4cc}
th,td{border-color:#333a41}
.mark{border-color:#ffae66;background:#38260f;color:#ffae66}
.bad{border-color:#ff8d8d;background:#3a1a1d}
input,textarea{border-color:#6f7983;background:#101316;color:#eceff2}
button{border-color:#e4e8ec;background:#e4e8ec;color:#14181c}
button.plain{background:#191d21;color:#eceff2}
button.refuse{border-color:#ff8d8d;background:#191d21;color:#ff8d8d}
input:focus,textarea:focus,button:focus,a:focus{outline-color:#8fbcff}
}
@media print{form,.lang{display:none}body{background:#fff}}
"""


@dataclass(frozen=True)
class Filled:
    """What the form holds: `key` names the next answer, `told` is what was typed and not taken, `problem` says why."""

    key: str
    told: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    done: bool = False


def show_letter(letter: p.LetterReply, lang: str, filled: Filled) -> str:
    """Return the page of a message."""
    hub, partner = _in(letter.hub, lang), _in(letter.partner, lang)
    parts = [
        f'<div class="top">{_switch(lang)}<h1>{escape(_t("title", lang, hub=hub))}</h1>',
        f'<p class="faint">{escape(_t("to", lang, partner=partner))} · {escape(_in(letter.profile_name, lang))}'
        f" · {escape(letter.at)} {escape(letter.zone)}</p></div>",
        *_marks(letter, lang),
        f'<p class="good" role="status">{escape(_t("thanks", lang))}</p>' if filled.done else "",
        f'<p class="bad" role="alert">{escape(filled.problem)}</p>' if filled.problem else "",
        _facts(letter, lang),
        _answers(letter.answers, letter.zone, lang),
        *_forms(letter, lang, filled),
        _about(letter, lang),
    ]
    return _page(_t("title", lang, hub=hub), "".join(parts), lang)


def show_end(error: HubError, lang: str) -> str:
    """Return the page of a link that opens nothing: why, and what to do."""
    title = _t("no_entry", lang)
    top = f'<div class="top">{_switch(lang)}<h1>{escape(title)}</h1></div>'
    return _page(title, f'{top}<p class="bad">{escape(error.message(lang))}</p>', lang)


def _page(title: str, body: str, lang: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="{HTML_LANG[lang]}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex, nofollow"><meta name="color-scheme" content="light dark">'
        f'<link rel="stylesheet" href="/liaison.css"></head><body><main>{body}</main></body></html>'
    )


def _switch(lang: str) -> str:
    code, name = OTHER[lang]
    return f'<a class="lang" href="?lang={code}" lang="{HTML_LANG[code]}">{name}</a>'


def _marks(letter: p.LetterReply, lang: str) -> Sequence[str]:
    """Return what a reader must not overlook: an exercise, a test, made data, a replay."""
    keys = [f"status_{letter.status.lower()}"] if letter.status != "Actual" else []
    keys += ["synthetic"] if letter.synthetic else []
    keys += ["replayed"] if letter.replayed else []
    said = "<br>".join(escape(_t(key, lang)) for key in keys)
    return [f'<p class="mark">{said}</p>'] if keys else []


def _facts(letter: p.LetterReply, lang: str) -> str:
    head = f"<section><h2>{escape(_in(letter.profile_name, lang))}</h2>"
    if letter.gone:
        return f"{head}<p>{escape(_t('gone', lang))}</p></section>"
    many = {fact.path.split("[]")[0] for fact in letter.facts if fact.number > 1}
    rows = "".join(
        f"<tr><th>{escape(_in(fact.name, lang))}{f' {fact.number}' if fact.path.split('[]')[0] in many else ''}</th>"
        f"<td>{escape(_in(fact.value, lang))}</td></tr>"
        for fact in letter.facts
    )
    return f"{head}<table>{rows}</table></section>"


def _answers(answers: Sequence[p.AnswerView], zone: str, lang: str) -> str:
    if not answers:
        return ""
    lines = "".join(f"<li>{escape(_said(one, zone, lang))}</li>" for one in answers)
    return f"<section><h2>{escape(_t('before', lang))}</h2><ol>{lines}</ol></section>"


def _said(one: p.AnswerView, zone: str, lang: str) -> str:
    at = sp.moment(one.at_min, ZoneInfo(zone), "time")
    parts = [f"{at} {_t(f'said_{one.said.value}', lang)}"]
    if one.expected_min is not None:
        parts.append(_t("expected_at", lang, at=sp.moment(one.expected_min, ZoneInfo(zone), "time")))
    return " · ".join([*parts, *filter(None, (one.note, one.by))])


def _forms(letter: p.LetterReply, lang: str, filled: Filled) -> Sequence[str]:
    if not letter.answerable:
        return [f"<section><p>{escape(_t('no_more', lang))}</p></section>"]
    by = filled.told.get("by") or (letter.answers[-1].by if letter.answers else "")
    return [_form(said, lang, filled, by) for said in letter.answerable]


def _form(said: Said, lang: str, filled: Filled, by: str) -> str:
    """Return the form of one answer with the fields that it needs; what was typed and not taken stands in it."""
    typed = filled.told if filled.told.get("said") == said.value else {}
    name = said.value
    fields = [_hidden("said", name), _hidden("key", filled.key)]
    if said is Said.ACCEPTED:
        value = escape(typed.get("expected", ""))
        fields.append(
            f"<label>{escape(_t('expected', lang))}"
            f'<input class="time" type="time" name="expected" value="{value}" placeholder="14:35"></label>'
        )
    if said is Said.REFUSED:
        fields.append(
            f"<label>{escape(_t('why', lang))}<textarea name='note' rows='2' maxlength='{MAX_NOTE}' required>"
            f"{escape(typed.get('note', ''))}</textarea></label>"
        )
    if said is not Said.RECEIVED:  # that is one touch
        fields.append(
            f"<label>{escape(_t('by', lang))}"
            f'<input name="by" maxlength="{MAX_BY}" autocomplete="name" value="{escape(by)}"></label>'
        )
    kind = {Said.RECEIVED: "plain", Said.REFUSED: "refuse"}.get(said, "")
    button = f'<button class="{kind}" type="submit">{escape(_t(f"say_{name}", lang))}</button>'
    title = f"<h2>{escape(_t(f'form_{name}', lang))}</h2>"
    return f'<form method="post" action="?lang={lang}">{title}{"".join(fields)}{button}</form>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _about(letter: p.LetterReply, lang: str) -> str:
    """Return why the partner is told, until when the link lives, and whom to call."""
    rows = [(_t("purpose", lang), letter.purpose), (_t("basis", lang), letter.basis)]
    rows.append((_t("agreed_until", lang), letter.until_day))
    if letter.expires is not None:
        rows.append((_t("link_until", lang), f"{letter.expires} {letter.zone}"))
    office = letter.hub_contact
    called = " · ".join(filter(None, (office.office, office.phone, office.hours))) if office else _t("duty", lang)
    rows.append((_t("call", lang), called))
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    note = f'<p class="faint">{escape(_t("only_you", lang))}</p>'
    return f"<section><h2>{escape(_t('about', lang))}</h2><table>{lines}</table>{note}</section>"


def _in(words: Words, lang: str) -> str:
    return words.zh if lang == "zh" else words.en


def _t(name: str, lang: str, **values: object) -> str:
    return text(f"web.letter_{name}", lang, **values)
