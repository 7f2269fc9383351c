"""What the docs list and count is what the code has: settings, codes, metrics, sizes, limits."""

import re
from collections.abc import Iterator

from prometheus_client import REGISTRY

from app.domain.policy import MAX_DERIVATIVES
from app.domain.variants import BUILT_IN_PRESETS
from app.errors import ErrorCode, SafelightError
from app.graphql_api.events import HEARTBEAT_S
from app.graphql_api.limits import DocumentLimits
from app.graphql_api.sockets import SocketLimits
from app.rendering.limits import CageLimits
from app.routes.metrics import SCRAPED
from app.routes.oembed import CACHE_AGE_S
from app.routes.pictures import MAX_WAIT_S
from app.services.accounts.accounts import Preferences
from app.services.delivery.deliverables import MAX_KEPT_BODY_BYTES
from app.services.delivery.misses import MAX_FREE_VARIANTS
from app.services.delivery.on_demand import HOLD_S
from app.services.delivery.responsive import RUNGS
from app.services.delivery.views import MAX_HELD_IMAGES
from app.services.making import claim
from app.services.making.outcomes import MAX_FAILURES
from app.services.uploads import leases
from app.services.uploads.opening import MAX_TTL_S, MIN_TTL_S
from app.services.uploads.reception import VERDICT_WAIT_S
from app.services.uploads.sessions import MAX_SESSIONS_AT_ONCE
from app.services.watching.library_watcher import MAX_PENDING
from app.settings import Settings
from app.workers.renewing import RENEWALS_PER_LEASE
from tests.support.docs_pages import between, read
from tests.support.paths import ROOT

# Named by the contract, and not raised by anything yet.
CODES_TO_COME = {ErrorCode.URL_NOT_ALLOWED: 400, ErrorCode.FETCH_FAILED: 502}
# What stands in a setting's description as it would be typed.
CODE_IN_DESCRIPTION = re.compile(r"(?<![`\w])(\w[\w+]*://[^\s;]*[^\s;.]|\{\w+\}/\w+|\[\".*?\"\]|/metrics)")
# Of compose.yaml alone.
COMPOSE_SETTINGS = {"SAFELIGHT_PUBLISHED_PORT", "SAFELIGHT_NETWORK", "SAFELIGHT_WORKER_MEMORY"}
MEMORY_CACHE_BYTES = Settings.model_fields["memory_cache_bytes"].default
ARCHITECTURE_FIGURES = [
    f"lease is {claim.LEASE.seconds} s and renewed every {claim.LEASE.seconds / RENEWALS_PER_LEASE:g} s",
    f"a session's is {leases.LEASE.seconds} s",
    f"a niceness of {CageLimits().niceness} in the cage",
]
DELIVERY_FIGURES = [
    f"up to {MAX_KEPT_BODY_BYTES >> 10} KiB each, {MEMORY_CACHE_BYTES >> 20} MiB in all",
    f"max-age={Preferences().browser_ttl_s}",
    f"0 to {MAX_WAIT_S:g}",
    f"held for {HOLD_S:g} s",
    f"keeps the {MAX_FREE_VARIANTS} that",
    f"may start {Settings.model_fields['misses_per_minute'].default} renders a minute",
    f"What failed {('no', 'one', 'two', 'three')[MAX_FAILURES]} times",
]


def test_settings_table_says_what_the_code_says() -> None:
    wanted = "\n".join(settings_table())

    assert between(read("README.md"), "settings") == wanted, f"put this into README.md:\n{wanted}"


def settings_table() -> Iterator[str]:
    yield "| setting | default | what it is |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        text = re.sub(CODE_IN_DESCRIPTION, r"`\1`", field.description or "")
        yield f"| `SAFELIGHT_{name.upper()}` | {default_of(name)} | {text} |"


def default_of(name: str) -> str:
    field = Settings.model_fields[name]
    if field.default_factory is not None:
        return "cores"
    value = field.default
    if value is None or value == []:
        return "–"
    return f"`{int(value) if isinstance(value, bool) else value}`"


def test_example_settings_are_settings_with_their_defaults() -> None:
    text = read(".env.example")

    shown = dict(re.findall(r"^#? ?(SAFELIGHT_[A-Z_]+)=(.*)$", text, flags=re.MULTILINE))

    fields = {f"SAFELIGHT_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(shown) == set(fields) | COMPOSE_SETTINGS
    concrete = {
        name: field.default
        for name, field in fields.items()
        if field.default_factory is None and field.default is not None and field.default != []
    }
    parsed = Settings.model_validate({name.removeprefix("SAFELIGHT_").lower(): shown[name] for name in concrete})
    assert {name: getattr(parsed, name.removeprefix("SAFELIGHT_").lower()) for name in concrete} == concrete


def test_every_error_code_is_explained_with_its_status() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", between(read("docs/errors.md"), "codes"), flags=re.MULTILINE)

    told = {ErrorCode(code): int(status) for code, status in rows}

    assert len(rows) == len(told)
    assert told == statuses() | CODES_TO_COME


def statuses() -> dict[ErrorCode, int]:
    """The status of each code, from the first class that has it."""
    found: dict[ErrorCode, int] = {}
    waiting: list[type[SafelightError]] = [SafelightError]
    while waiting:
        kind = waiting.pop(0)
        if kind is not SafelightError and kind.__module__.startswith("app."):
            found.setdefault(kind.code, kind.status)
        waiting += kind.__subclasses__()
    return found


def test_every_metric_is_listed() -> None:
    told = set(re.findall(r"^\| `(safelight_\w+)` \|", read("docs/running.md"), flags=re.MULTILINE))

    names = {family.name + ("_total" if family.type == "counter" else "") for family in REGISTRY.collect()}

    assert told == {name for name in names if name.startswith("safelight_")} | SCRAPED.keys()


def test_every_way_a_socket_is_closed_is_listed() -> None:
    told = set(re.findall(r"^\| (\d{4}) \|", read("docs/watching.md"), flags=re.MULTILINE))

    sources = "".join(path.read_text() for path in (ROOT / "app" / "graphql_api").glob("*.py"))
    # 1012 is uvicorn's own, when it stops.
    assert told == {"1012", *re.findall(r"(?:CloseSocket|close)\((\d{4})", sources)}


def test_every_built_in_size_is_listed() -> None:
    told = read("docs/uploads.md")

    assert [name for name in BUILT_IN_PRESETS if f"`{name}`" not in told] == []


def test_figures_are_those_of_the_code() -> None:
    document, cage = DocumentLimits(), CageLimits()
    figures = {
        "docs/security.md": [
            f"{document.max_chars:,} characters, {document.max_tokens:,} tokens, {document.max_comments} comments",
            f"| {document.max_depth} fields inside fields",
            f"{document.max_fields}, {document.max_aliases}, {document.max_directives} |",
            f"| {document.max_cost:,} fields",
            f"introspection: {document.max_introspection_cost:,}",
            f"{cage.address_space_bytes / 2**30:g} GiB of address space",
            f"{cage.cpu_base_s:g} s of CPU and {cage.cpu_per_megapixel_s:g} s more for each megapixel",
            f"at most {cage.max_deadline_s:g} s on the clock",
            f"{cage.file_bytes >> 20} MiB each, {cage.open_files} open",
            f"after {cage.jobs_per_zygote:,} pictures",
        ],
        "docs/delivery.md": DELIVERY_FIGURES,
        "docs/architecture.md": ARCHITECTURE_FIGURES,
        "docs/watching.md": [
            f"up to {SocketLimits().max_operations} operations",
            f"no `connection_init` within {SocketLimits().init_timeout_s:g} seconds",
            f"every {HEARTBEAT_S:g} seconds",
            f"{MAX_PENDING:,} events behind",
        ],
        "docs/embedding.md": [
            f"those of {MAX_HELD_IMAGES:,} images",
            f'"cache_age": {CACHE_AGE_S}',
            f"presets, the nearest above: {', '.join(str(width_px) for width_px, _ in RUNGS)}",
        ],
        "docs/uploads.md": [
            f"up to {VERDICT_WAIT_S:g} seconds",
            f"{MIN_TTL_S} to {MAX_TTL_S:,}",
            f"up to {MAX_SESSIONS_AT_ONCE} at once",
            f"at most {MAX_DERIVATIVES}",
        ],
    }

    assert [(page, figure) for page, each in figures.items() for figure in each if figure not in read(page)] == []
