"""What is done with rows that are there: a page of them, and what is wrong with them.

JAX is imported only once there is something to look at.
"""

from recall.cli import arguments
from recall.runs import sources


def report(workdir: str | None, out: str | None) -> None:
    """Writes a page of a run, or of all committed results, and says where.

    Raises:
        SystemExit: with code 2, after one line, if there is nothing to show.
    """
    from recall.pages import report as pages

    try:
        print(f"page    {pages.write(workdir, out)}")
    except ValueError as error:
        arguments.refuse(error)


def claims() -> None:
    """Prints every claim with its verdict and what it was measured by.

    Raises:
        SystemExit: with code 2, after one line, if there are no committed results.
    """
    try:
        found = sources.tables()
    except ValueError as error:
        arguments.refuse(error)
    from rich.console import Console

    from recall.pages import claims as report_claims

    console = Console()
    if not console.is_terminal:
        console.width = 150
    console.print(report_claims.table(found).rich())
    console.print(report_claims.counts(found))


def diagnose(workdir: str | None, *, compile_cache: bool) -> None:
    """Prints which failure signatures a run, or every committed result, shows.

    Raises:
        SystemExit: with code 2, after one line, if there is nothing to look at.
    """
    try:
        found = sources.of(workdir)
        from recall.diagnosis import run
        from recall.runs import setup

        setup.configure(compile_cache=compile_cache)
        run.report(found)
    except ValueError as error:
        arguments.refuse(error)
