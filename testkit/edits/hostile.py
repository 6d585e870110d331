"""Settings of git that break programs which read what git prints."""

from pathlib import Path

HOOKS = ("pre-commit", "post-checkout", "post-index-change", "reference-transaction", "post-merge", "pre-auto-gc")
SETTINGS = """
[advice]
    detachedHead = true
[apply]
    whitespace = error
    ignoreWhitespace = change
[blame]
    ignoreRevsFile = /nowhere
[branch]
    autoSetupMerge = always
[clone]
    defaultRemoteName = other
[color]
    ui = always
    status = always
[commit]
    gpgSign = true
    template = /nowhere
[core]
    hooksPath = HOOKS
    quotePath = true
    pager = false
    commentChar = ";"
    fileMode = false
    safecrlf = true
    whitespace = blank-at-eol,cr-at-eol
    attributesFile = ATTRIBUTES
    excludesFile = EXCLUDES
    fsmonitor = HOOKS/fsmonitor
[diff]
    external = false
    noprefix = true
    mnemonicPrefix = true
    algorithm = patience
    renames = copies
    context = 0
    ignoreSubmodules = all
[format]
    pretty = oneline
[gpg]
    program = false
[i18n]
    commitEncoding = latin1
    logOutputEncoding = latin1
[init]
    defaultBranch = trunk
    templateDir = HOOKS
[log]
    showSignature = true
    date = relative
    decorate = full
[merge]
    conflictStyle = diff3
    tool = false
    renames = false
[rerere]
    enabled = true
    autoupdate = true
[status]
    showUntrackedFiles = no
    branch = true
    short = true
    renames = copies
    relativePaths = false
    submoduleSummary = true
    showStash = true
[submodule]
    recurse = true
[tag]
    gpgSign = true
    sort = -version:refname
[user]
    useConfigOnly = true
[versionsort]
    suffix = -rc
"""


def hostile_environment(folder: Path) -> dict[str, str]:
    """The environment of a person whose settings of git break what reads its output."""
    hooks = folder / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS:
        (hooks / name).write_text("#!/bin/sh\necho hook >&2\nexit 1\n")
        (hooks / name).chmod(0o755)
    (folder / "excludes").write_text("*.toml\n*.conflict\nattempts.py\n")
    (folder / "attributes").write_text("*.py -diff merge=union\n*.toml binary\n")
    text = SETTINGS.replace("HOOKS", str(hooks)).replace("EXCLUDES", str(folder / "excludes"))
    (folder / ".gitconfig").write_text(text.replace("ATTRIBUTES", str(folder / "attributes")))
    (folder / "fails").write_text("#!/bin/sh\nexit 1\n")
    (folder / "fails").chmod(0o755)
    program = str(folder / "fails")
    return {
        "HOME": str(folder),
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_EXTERNAL_DIFF": program,
        "GIT_DIFF_OPTS": "-u0",
        "GIT_EDITOR": program,
        "GIT_PAGER": program,
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_LITERAL_PATHSPECS": "1",
        "LC_ALL": "C",
        "LANG": "de_DE.UTF-8",
    }
