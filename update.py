"""Update a project that was made from this template. Run by scripts/update.py of the project: see docs/updating.md.

The command line, in the project's folder, is what older projects rely on: update.py [update | preview | outdated].
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["copier>=9.18,<10"]
# ///

from updater.command import main

if __name__ == "__main__":
    main()
