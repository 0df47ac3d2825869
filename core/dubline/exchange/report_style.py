"""How the report looks: on a phone and on a desk, by day and by night. Nothing is loaded from anywhere."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --soft: #62626b; --line: #dcdce2;
  --card: #f5f5f8; --bad: #b3261e; --warn: #8a5a00; --link: #1b57c0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6ea; --paper: #17171a; --soft: #a0a0aa;
  --line: #36363d; --card: #212126; --bad: #ff8a80; --warn: #f0b860; --link: #8ab4ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; overflow-wrap: break-word; }
td[dir], li { overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: .2rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
a { color: var(--link); }
p, ul { margin: .4rem 0; }
ul { padding-left: 1.2rem; }
nav a { margin-right: .9rem; white-space: nowrap; }
.soft { color: var(--soft); }
.bad { color: var(--bad); }
.warn { color: var(--warn); }
img { max-width: 100%; height: auto; border: 1px solid var(--line); }
.cards { display: grid; gap: .7rem; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); }
.card { background: var(--card); border-radius: .5rem; padding: .7rem; }
audio { width: 100%; margin-top: .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid var(--line); }
th { position: sticky; top: 0; background: var(--paper); }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
tr:target { outline: 2px solid var(--link); }
tr.look td:first-child { border-left: 3px solid var(--warn); }
tr.worse td:first-child { border-left: 3px solid var(--bad); }
input:checked ~ table tbody tr:not(.look, .worse) { display: none; }
summary { cursor: pointer; }
@media (max-width: 44rem) {
  thead { display: none; }
  table, tbody, tr, td { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: .4rem 0; content-visibility: auto;
    contain-intrinsic-size: auto 9rem; }
  td { border: 0; padding: .1rem .5rem; }
  td[data-is]::before { content: attr(data-is) ": "; color: var(--soft); }
  td:empty { display: none; }
}
"""
