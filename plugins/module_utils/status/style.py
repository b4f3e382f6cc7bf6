# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How the page looks: by the reader's light or dark, on a phone or a wide screen."""

from __future__ import annotations

STYLE = """
:root{--back:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#57606a;--edge:#d0d7de;--ok:#1a7f37;--note:#9a6700;--failed:#cf222e;--unknown:#6e7781;--line:#4a6fa5}
@media (prefers-color-scheme:dark){:root{--back:#0d1117;--card:#161b22;--ink:#e6edf3;--soft:#9198a1;--edge:#30363d;--ok:#3fb950;--note:#d29922;--failed:#f85149;
--unknown:#8b949e;--line:#79a6e0}}
*{box-sizing:border-box}
body{margin:0 auto;padding:16px;max-width:1200px;background:var(--back);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 14px;margin-bottom:12px}
h1{font-size:22px;margin:0}h2{font-size:16px;margin:22px 0 10px}h3{font-size:14px;margin:0;display:flex;justify-content:space-between;gap:8px}
p{margin:4px 0}header p{margin:0}
.small{color:var(--soft);font-size:13px}
.badge{color:#fff;background:#cf222e;border-radius:12px;padding:2px 12px;font-weight:600}.badge.ok{background:#1a7f37}
.cards{display:grid;gap:10px;grid-template-columns:repeat(auto-fill,minmax(min(100%,270px),1fr))}
article,.graph,.table{background:var(--card);border:1px solid var(--edge);border-radius:10px}
article{padding:10px 12px;border-left:4px solid var(--unknown)}
article.ok{border-left-color:var(--ok)}article.note{border-left-color:var(--note)}article.failed{border-left-color:var(--failed)}
.state{font-weight:600;color:var(--unknown)}.ok .state{color:var(--ok)}.note .state{color:var(--note)}.failed .state{color:var(--failed)}
ul{margin:4px 0;padding-left:18px;color:var(--soft);font-size:13px}
.graph{overflow-x:auto;padding:4px;text-align:center}
.table{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px;overflow-wrap:normal}
th,td{text-align:left;padding:7px 12px;border-top:1px solid var(--edge);vertical-align:top}thead th{border-top:0;color:var(--soft);font-weight:600}
@media (max-width:640px){th,td{padding:6px 8px}.routes thead{display:none}.routes tr{display:block;border-top:1px solid var(--edge);padding:4px 0}
.routes tr:first-child{border-top:0}.routes td{display:block;border:0;padding:2px 12px}.routes td:first-child{font-weight:600}.routes td:empty{display:none}
.routes td:last-child{color:var(--soft)}}
svg{width:100%;height:auto;font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
svg text{text-anchor:middle;fill:var(--ink)}svg .small{fill:var(--soft);font-size:11px}
svg .label{font-size:12px;font-weight:600;stroke:var(--card);stroke-width:5px;paint-order:stroke;stroke-linejoin:round}
svg rect{fill:var(--back);stroke:var(--line);stroke-width:1.5px}
svg .client rect,svg .balancer rect,svg .outside rect{stroke:var(--unknown)}svg .gateway rect{stroke-width:2.5px}
svg .note rect{stroke:var(--note);stroke-width:2.5px}svg .failed rect{stroke:var(--failed);stroke-width:2.5px}
path.call,path.copy,path.seen{fill:none;stroke:var(--line);stroke-width:1.6px}path.copy{stroke:var(--soft);stroke-dasharray:6 4}path.seen{stroke-dasharray:2 4}
path.arrow{fill:var(--line)}path.arrow-copy{fill:var(--soft)}
"""
