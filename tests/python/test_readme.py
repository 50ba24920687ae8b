"""What the documents tell people to type works, as it stands there."""

import os
import re
import subprocess

import pytest

from gatehouse import BINARY, PACKAGE, environment, run

READMES = ["README.md", "README.ru.md"]
TESTED = re.compile(r"<!-- tested: (\S+) -->\s*```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(name):
    path = PACKAGE / name
    if not path.exists():
        pytest.skip(f"there is no {name} yet")
    found = TESTED.findall(path.read_text(encoding="utf-8"))
    if not found:
        pytest.skip(f"{name} marks no block with <!-- tested: NAME --> yet")
    return found


@pytest.mark.parametrize("name", READMES)
def test_what_the_readme_says_works(start, tmp_path, name):
    follow(blocks(name), start(), tmp_path)


def test_what_the_page_of_telegram_says_works(start, tmp_path):
    page = "docs/telegram.md"
    token = re.search(r"^BOT_TOKEN=(\S+)$", (PACKAGE / page).read_text(encoding="utf-8"), re.MULTILINE)[1]
    follow(blocks(page), start({"TELEGRAM_BOT_TOKEN": token, "TELEGRAM_UPDATES": "off"}), tmp_path)


def follow(marked, server, tmp_path):
    script = ["set -euo pipefail"]
    for title, text in marked:
        script += [f"echo '== {title}'", text.replace("http://localhost:8080", server.url)]
    work = tmp_path / "work"
    work.mkdir()
    ended = subprocess.run(
        ["bash"], input="\n".join(script), cwd=work, capture_output=True, text=True, timeout=120,
        env={**environment(), "HOME": str(work), "PATH": os.path.dirname(BINARY) + ":" + os.environ["PATH"]})
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"


def test_both_readmes_have_the_same_commands():
    english, russian = (blocks(name) for name in READMES)
    assert [title for title, _ in english] == [title for title, _ in russian]
    for (title, first), (_, second) in zip(english, russian):
        assert commands(first) == commands(second), f"the block {title} differs"


def commands(text):
    """Without comments, which are in the language of the page."""
    lines = (re.sub(r"(^|\s)#.*", "", line).rstrip() for line in text.splitlines())
    return [line for line in lines if line]


def test_the_page_of_settings_is_what_the_program_prints():
    path = PACKAGE / "docs/settings.md"
    if not path.exists():
        pytest.skip("there is no docs/settings.md yet")
    printed = run("config", "--markdown")
    assert printed.returncode == 0
    assert path.read_text(encoding="utf-8") == printed.stdout, \
        "print it anew: gatehouse config --markdown > docs/settings.md"


@pytest.mark.parametrize("page", [*READMES, *sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.glob("docs/**/*.md"))])
def test_links_to_files_lead_somewhere(page):
    path = PACKAGE / page
    if not path.exists():
        pytest.skip(f"there is no {page} yet")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), f"{page} links to {target}"
