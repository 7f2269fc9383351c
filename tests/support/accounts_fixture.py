"""A site with people: two APIs, plans of its own, an issuer, and accounts made behind its back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.residents import PLANS, Residents
from tests.support.servers.jwks import AUDIENCE, Issuer
from tests.support.site_fixtures import SET_UPS, SharedSites, environment_of


@dataclass(frozen=True)
class People(Residents):
    """A site whose people may come from an issuer too."""

    issuer: Issuer


@pytest.fixture(scope="session")
def shared_issuer() -> Iterator[Issuer]:
    """The issuer that all sites with people believe; tests that rotate its keys put them back."""
    with Issuer().running() as issuer:
        yield issuer


@pytest.fixture(scope="module", params=SET_UPS)
def people(
    request: pytest.FixtureRequest,
    shared_sites: SharedSites,
    shared_issuer: Issuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> People:
    """Two APIs and a worker that know an issuer, trust loopback as a proxy, and let guests in."""

    def environment() -> dict[str, str]:
        plans_file = tmp_path_factory.mktemp("plans") / "plans.toml"
        plans_file.write_text(PLANS)
        return environment_of(request.param, request) | {
            "SAFELIGHT_PLANS_FILE": str(plans_file),
            "SAFELIGHT_TRUSTED_PROXIES": json.dumps(["127.0.0.1"]),
            "SAFELIGHT_GUEST_UPLOADS": "1",
            "SAFELIGHT_JWT_ISSUER": shared_issuer.url,
            "SAFELIGHT_JWT_JWKS_URL": shared_issuer.jwks_url,
            "SAFELIGHT_JWT_AUDIENCE": AUDIENCE,
            "SAFELIGHT_JWT_CREATE_ACCOUNTS": "1",
            "SAFELIGHT_JWT_CLAIM_BY_EMAIL": "1",
        }

    site = shared_sites.get(f"people-{request.param}", apis=2, workers=1, environment=environment)
    return People(site, shared_issuer)
