"""How the page looks, and what it may load: nothing. One style sheet, named by its hash in the page's own policy."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1c1e21;--quiet:#595e65;--line:#dddcd5;--tint:#f3f2ee;
--passed:#17693a;--failed:#a81f1b;--crashed:#8b1a66;--waived:#7a4a00;--advice:#1d5790;--mark:#1d5790;--other:#9a5b00}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e6e5e0;--quiet:#a4a8ae;--line:#34383d;--tint:#1e2125;
--passed:#72cd96;--failed:#ff8d83;--crashed:#f09ad6;--waived:#e8bb62;--advice:#86bbf2;--mark:#86bbf2;--other:#e8bb62}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;
overflow-wrap:break-word}
main{max-width:60rem;margin:0 auto;padding:3rem 1.25rem 4rem}
h1,h2,h3,h4,p,dl,ol,ul,figure,table{margin:0}
h1{font:600 2rem/1.2 ui-serif,Georgia,"Times New Roman",serif;letter-spacing:-.01em}
h2{font:600 1.35rem/1.3 ui-serif,Georgia,"Times New Roman",serif;margin:3.2rem 0 .9rem;padding-top:1rem;
border-top:1px solid var(--line)}
h3{font-size:1rem;font-weight:600;line-height:1.4}
h4{font-size:.82rem;font-weight:600;margin:1.1rem 0 .3rem}
h2 small,h3 small{font:400 .82rem/1.4 system-ui,sans-serif;color:var(--quiet)}
a{color:inherit;text-decoration-color:var(--quiet);text-underline-offset:.2em}
a:focus-visible,summary:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
code,pre,.hash{font:.84em/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{white-space:pre-wrap;background:var(--tint);padding:.6rem .8rem;border-radius:4px}
bdi{overflow-wrap:anywhere}
.over{font-size:.82rem;letter-spacing:.06em;text-transform:uppercase;color:var(--quiet);margin-bottom:.4rem}
.verdict{display:flex;align-items:center;gap:.6rem;font:600 1.35rem/1.3 system-ui,sans-serif;margin:1.4rem 0 .4rem}
.verdict svg{width:1.5rem;height:1.5rem}
.lead{max-width:46rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:.8rem 2rem;margin-top:1.8rem}
.facts div{min-width:0}.facts dt{font-size:.8rem;color:var(--quiet)}.facts dd{margin:0;overflow-wrap:anywhere}
.sign{width:1em;height:1em;flex:none;stroke:currentColor;stroke-width:2.2;fill:none;stroke-linecap:round;
stroke-linejoin:round;vertical-align:-.12em}
.s{font-weight:600;white-space:nowrap}
.passed{color:var(--passed)}.failed{color:var(--failed)}.crashed{color:var(--crashed)}.waived{color:var(--waived)}
.advice{color:var(--advice)}.not_applicable,.unasked{color:var(--quiet)}
.glance{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,10.5rem),1fr));gap:.6rem;padding:0;
list-style:none}
.glance a{display:block;height:100%;border:1px solid var(--line);border-radius:6px;padding:.7rem .8rem;
text-decoration:none;background:var(--tint)}
.glance a:hover{border-color:var(--quiet)}
.glance b{display:block;font-weight:600;line-height:1.3;margin-bottom:.35rem}
.glance small{display:block;color:var(--quiet);font-size:.8rem;line-height:1.45}
.glance .s{display:block;font-size:.92rem}
.stops{padding-left:0;list-style:none}.stops li{padding:.55rem 0;border-bottom:1px solid var(--line)}
.check{display:grid;grid-template-columns:8.6rem minmax(0,1fr);padding:1.3rem 0 1.2rem;
border-bottom:1px solid var(--line)}
.check:last-child{border-bottom:0}
.told{max-width:44rem}
.told p{margin-top:.3rem}.question{color:var(--quiet)}
.mend b,.waiver b{font-weight:600}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:1rem 2rem;margin-top:1rem}
figure{max-width:26rem}
figure{min-width:0}figure svg{display:block;width:100%;height:auto}
figcaption{font-size:.8rem;color:var(--quiet);margin-top:.2rem}
details{margin-top:.8rem}summary{cursor:pointer;color:var(--quiet);font-size:.86rem}
details[open]>summary{margin-bottom:.5rem}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.86rem;font-variant-numeric:tabular-nums;line-height:1.45}
th,td{padding:.22rem 1.1rem .22rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:400;color:var(--quiet)}thead th{font-size:.8rem}
tbody th{min-width:5rem}
td.n{text-align:right;white-space:nowrap}td small{color:var(--quiet)}thead+tbody td small{display:block}
details ol{padding-left:1.4rem;font-size:.86rem}.more{font-size:.82rem;color:var(--quiet)}
footer{margin-top:3.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.84rem}
text{fill:var(--ink);font:10.5px system-ui,sans-serif}text.tick,text.figure{fill:var(--quiet);font-size:10px}
text.count{font-size:13px;font-weight:600}
.grid{stroke:var(--line)}.limit{stroke:var(--failed);stroke-dasharray:4 3;fill:none}
.whisker{stroke:var(--mark);stroke-width:2;stroke-opacity:.55}.dot,.bar,.cell{fill:var(--mark)}
.dot{fill-opacity:.9}.bar{fill-opacity:.65}.line{fill:none;stroke:var(--mark);stroke-width:1.8}
.mark0{fill:none;stroke:var(--other);stroke-width:1.6}.mark1{fill:none;stroke:var(--crashed);stroke-width:1.6}
.mark2{fill:none;stroke:var(--quiet);stroke-width:1.6}
@media(max-width:32rem){main{padding:1.6rem 1rem 3rem}h1{font-size:1.6rem}
.glance{grid-template-columns:repeat(2,minmax(0,1fr))}.check{grid-template-columns:minmax(0,1fr)}
th,td{padding-right:.7rem}}
@media print{:root{--paper:#fff;--ink:#000;--quiet:#444;--line:#bbb;--tint:#fff;--passed:#17693a;--failed:#a81f1b;
--crashed:#8b1a66;--waived:#7a4a00;--advice:#1d5790;--mark:#1d5790;--other:#9a5b00}
body{font-size:10.5pt}main{max-width:none;padding:0}
details::details-content{content-visibility:visible;display:block;block-size:auto}summary{list-style:none}
.check,figure,tr,.glance li{break-inside:avoid}h2,h3,h4{break-after:avoid}.scroll{overflow:visible}}
"""

POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'"
)
"""Whatever a name from the data may contain, no script runs and nothing is fetched."""

_PATHS = {
    "passed": "M3 8.5 6.5 12 13 4.5",
    "failed": "M4 4 12 12M12 4 4 12",
    "crashed": "M8 2.5V9M8 12.6V13",
    "not_applicable": "M3.5 8H12.5",
    "waived": "M2.5 9.5C4.5 5.5 7 6 8 8S11.5 10.5 13.5 6.5",
    "advice": "M8 3V3.4M8 6.8V13",
    "unasked": "M5.5 5.5A2.6 2.6 0 1 1 8 8.6V9.6M8 12.6V13",
}
SYMBOLS = (
    "<svg width=0 height=0 aria-hidden=true><defs>"
    + "".join(
        f'<symbol id="sign-{name}" viewBox="0 0 16 16"><path d="{path}"/></symbol>' for name, path in _PATHS.items()
    )
    + "</defs></svg>"
)


def sign(status: str) -> str:
    """A status as a sign; its word always stands beside it."""
    known = status if status in _PATHS else "unasked"
    return f'<svg class=sign aria-hidden=true><use href="#sign-{known}"/></svg>'
