"""Variants, which are presets by another name."""

from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from app.domain.variants import Fit, MetadataPolicy
from app.errors import InvalidRequest, NotFound
from app.routes.faces.cloudflare.paths import read_name
from app.routes.faces.cloudflare.resources import variant_resource
from app.routes.faces.cloudflare.words import success
from app.routes.faces.parts import FaceParts
from app.routes.json_bodies import Fields, read_object
from app.services.delivery.delivery_urls import DEFAULT_SIZE
from app.services.library.presets import PresetChange

_REQUIRED = ("fit", "width", "height")
Choice = TypeVar("Choice", Fit, MetadataPolicy)


@dataclass(frozen=True, slots=True)
class CloudflareVariants:
    """`…/images/v1/variants` and `…/images/v1/variants/{variant_id}`."""

    parts: FaceParts

    async def list(self, request: Request) -> Response:
        """`public` and the account's own, by their ids."""
        views = await self.parts.services.presets.list(await self.parts.account_caller(request))
        shown = [view for view in views if not view.is_built_in or view.preset.name == DEFAULT_SIZE]
        return success({"variants": {view.preset.name: variant_resource(view) for view in shown}})

    async def details(self, request: Request) -> Response:
        """One of them."""
        view = await self.parts.services.presets.find(await self.parts.account_caller(request), _read_id(request))
        if view is None:
            raise NotFound("There is no such variant.")
        return success({"variant": variant_resource(view)})

    async def create(self, request: Request) -> Response:
        """A new one: every image has it at once."""
        principal = await self.parts.account_caller(request)
        fields = await read_object(request)
        options = fields.object("options")
        missing = [name for name in _REQUIRED if options is None or options.values.get(name) is None]
        if missing:
            raise InvalidRequest(f"options.{missing[0]} is needed.", details={"field": f"options.{missing[0]}"})
        view = await self.parts.services.presets.create(principal, fields.text("id") or "", _read_change(fields))
        return success({"variant": variant_resource(view)})

    async def edit(self, request: Request) -> Response:
        """Change what every address of it delivers; what is not named stays."""
        principal = await self.parts.account_caller(request)
        change = _read_change(await read_object(request))
        view = await self.parts.services.presets.update(principal, _read_id(request), change)
        return success({"variant": variant_resource(view)})

    async def delete(self, request: Request) -> Response:
        """Every image loses it."""
        await self.parts.services.presets.delete(await self.parts.account_caller(request), _read_id(request))
        return success({})


def _read_id(request: Request) -> str:
    return read_name(request.path_params["variant_id"])


def _read_change(fields: Fields) -> PresetChange:
    change = PresetChange()
    options = fields.object("options") or Fields({})
    if options.values.get("fit") is not None:
        change["fit"] = _choose(options, "fit", Fit)
    if options.values.get("metadata") is not None:
        change["metadata"] = _choose(options, "metadata", MetadataPolicy)
    if "width" in options:
        change["width_px"] = _read_side(options, "width")
    if "height" in options:
        change["height_px"] = _read_side(options, "height")
    is_free = fields.flag("neverRequireSignedURLs")
    if is_free is not None:
        change["never_require_signed_urls"] = is_free
    return change


def _choose(options: Fields, name: str, kind: type[Choice]) -> Choice:
    value = options.text(name)
    if value not in list(kind):
        wanted = ", ".join(kind)
        raise InvalidRequest(f"options.{name} must be one of {wanted}.", details={"field": f"options.{name}"})
    return kind(value)


def _read_side(options: Fields, name: str) -> int:
    """A side in pixels; JSON's numbers may have a fraction, which here must be none."""
    value = options.values[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, int | float) or not is_number or value != value // 1:
        raise InvalidRequest(f"options.{name} must be a whole number of pixels.", details={"field": f"options.{name}"})
    return int(value)
