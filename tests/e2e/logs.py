"""What a site leaves behind that somebody would have to look at: faults in its logs, files in its scratch folder."""

from tests.e2e.servers import Site

_SIGNS = ('"level": "ERROR"', "Traceback", '"level": "CRITICAL"')


def faults_of(site: Site) -> list[str]:
    """Log lines that tell of faults."""
    lines = (line for program in site.programs for line in program.log.splitlines())
    return [line[:2000] for line in lines if any(sign in line for sign in _SIGNS)]


def uploads_left(site: Site) -> list[str]:
    """Files of uploads that are on their way, or were."""
    return [name for name in site.leftovers() if name.startswith("upload-")]
