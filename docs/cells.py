"""What a cell of commands does while pages are built: a command that fails ends the build, and progress is not shown.

Copied to where IPython looks for what it runs at its start; in a notebook of one's own `%%bash` is IPython's.
"""

import subprocess

from IPython.core.magic import register_cell_magic


@register_cell_magic
def bash(line: str, cell: str) -> None:
    """Run commands, and show at once what they print."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", cell], capture_output=True, text=True, check=False)
    print(done.stdout, end="")
    if done.returncode:
        raise RuntimeError(f"{cell.strip()}: {done.stderr}")
