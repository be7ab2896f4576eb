"""The style sheet of index.html: readable on a phone, in light and dark; no web font, nothing
fetched.
"""

CSS = """
:root { --ink: #1c1c1c; --soft: #5b5b5b; --paper: #fff; --line: #d9d9d9; --band: #f5f6f8; --link: #0b5cad;
  --good: #0b7a3e; --part: #8a6100; --bad: #b3261e; --none: #6b6b6b }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --soft: #a8a8a8; --paper: #15171a; --line: #3a3d42; --band: #1e2126; --link: #7db7f0;
    --good: #5fd08f; --part: #e3b64c; --bad: #f28b82; --none: #a8a8a8 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem 1rem 4rem; max-width: 66rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  overflow-wrap: break-word }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0 }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; padding-top: .6rem; border-top: 1px solid var(--line) }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .4rem }
p { margin: .6rem 0 }
a { color: var(--link) }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: var(--band); padding: .1em .3em; border-radius: 3px }
nav { font-size: .9rem; margin: .8rem 0 }
nav a { margin-right: .9em; display: inline-block }
.scroll { overflow-x: auto; margin: .8rem 0 .2rem }
table { border-collapse: collapse; font-size: .86rem }
th, td { padding: .34rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top;
  font-variant-numeric: tabular-nums }
th { background: var(--band); font-weight: 600; vertical-align: bottom }
td { white-space: nowrap }
th.l, td.l { text-align: left; white-space: normal }
th.l, td.name { white-space: nowrap }
td small { color: var(--soft); white-space: nowrap; font-size: .88em }
td.long { min-width: 15rem; white-space: normal }
.caption, figcaption { color: var(--soft); font-size: .86rem; margin: .2rem 0 1.2rem }
figure { margin: 1rem 0 }
figure .sheet { background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: .4rem; overflow-x: auto }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto }
.badge { display: inline-block; padding: .05rem .5rem; border-radius: 1rem; font-size: .8rem; font-weight: 600;
  line-height: 1.3; border: 1px solid; white-space: nowrap }
.good { color: var(--good) } .part { color: var(--part) } .bad { color: var(--bad) } .none { color: var(--none) }
@media (max-width: 40rem) {
  body { font-size: 15px; padding: .7rem .7rem 3rem }
  table { font-size: .8rem }
  th, td { padding: .3rem .42rem }
  figure .sheet { padding: .2rem }
  figure img { min-width: 40rem }
}
"""
