"""Where Great Expectations writes its pages, and what is taken out of them.

The library's pages load styles, scripts and images from eight hosts whenever somebody opens one. Who reads about the
centre's records is nobody else's business, so everything that reaches out is cut, with the library's own tour and
newsletter; a small style of ours stands in. What is left is text and tables.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, Final

SITE: Final = "quality"
FIRST_PAGE: Final = "index.html"

CUT: Final = (
    re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<(?:link|img|iframe|base)\b[^>]*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"""\s(?:href|src|action)\s*=\s*(["'])(?:https?:)?//.*?\1""", re.DOTALL | re.IGNORECASE),
    re.compile(r"url\(\s*[\"']?(?:https?:)?//[^)]*\)|@import[^;]*;", re.IGNORECASE),
    re.compile(r"\son[a-z]+\s*=\s*\"[^\"]*\"", re.IGNORECASE),
)
"""Scripts, links to styles, images, addresses on other hosts, and handlers without the scripts that they call."""

STYLE: Final = """<style>
body{font:15px/1.5 system-ui,"Noto Sans SC",sans-serif;max-width:72rem;margin:0 auto;padding:1rem}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #bbb;padding:.25rem .5rem;text-align:left}
.modal,.ge-walkthrough-modal,.navbar,.btn,#ge-cta-footer,.alert{display:none!important}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}a{color:#8ab4f8}}
</style></head>"""


class DocsSite:
    """The Data Docs of one validation, in a folder of their own that holds nothing else."""

    def __init__(self, context: Any, folder: Path) -> None:
        self._context = context
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        context.add_data_docs_site(site_name=SITE, site_config=_site(folder))

    def build(self) -> str:
        """Write the pages, quiet ones. Returns the first, relative to the folder."""
        self._context.build_data_docs(site_names=[SITE])
        shutil.rmtree(self._folder / "static", ignore_errors=True)
        for page in self._folder.rglob("*.html"):
            page.write_text(quiet(page.read_text(encoding="utf-8")), encoding="utf-8")
        return FIRST_PAGE


def quiet(page: str) -> str:
    """The page without anything that reaches out, in a style of its own."""
    for pattern in CUT:
        page = pattern.sub("", page)
    return page.replace("</head>", STYLE, 1)


def _site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())},
    }
