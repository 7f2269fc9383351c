"""What a site leaves behind that somebody would have to look at: faults in its logs, files in its scratch folder."""

import os

from tests.support.site import Site

_SIGNS = ('"level": "ERROR"', "Traceback", '"level": "CRITICAL"')


def faults_of(site: Site) -> list[str]:
    """Log lines that tell of faults."""
    return [line[:2000] for line in site.new_log_lines() if any(sign in line for sign in _SIGNS)]


def uploads_left(site: Site) -> list[str]:
    """Files of uploads that are on their way, or were."""
    return [name for _, _, files in os.walk(site.data_dir / "tmp") for name in files if name.startswith("upload-")]


def jobs_left(site: Site) -> list[str]:
    """Folders of renderings that are on their way, or were; `walk` passes over what vanishes meanwhile."""
    folders = [name for _, folders, _ in os.walk(site.data_dir / "tmp") for name in folders]
    return [name for name in folders if name.startswith(("render-", "job-"))]
