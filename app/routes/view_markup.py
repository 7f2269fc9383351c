"""The page of one image as HTML: complete without a script, and right at any moment of the picture's making."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.db.records import ImageRecord
from app.domain.markup import Backdrop, PictureParts, escape, make_picture
from app.domain.variants import ORIGINAL, Family, VariantState
from app.routes.page_files import LAMP, VIEW_SCRIPT, VIEW_STYLE, read_template
from app.routes.view_head import SITE_NAME, author_of, make_head, title_of
from app.services.delivery.responsive import PictureWish, backdrop_of, plan_embedding, plan_picture, plan_ready
from app.services.delivery.showing import Shown
from app.services.watching.image_watching import is_complete

WIDTHS_PX = (640, 1024, 1536, 2048)
_TALLEST_VH = 80
"""As in view.css."""
_PAGE, _MESSAGE = read_template("view.html"), read_template("message.html")
_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def make_view(shown: Shown, *, base_url: str, nonce: str) -> str:
    """The whole page; `nonce` is what its policy lets its own styles be known by."""
    image = shown.snapshot.image
    is_coming = not is_complete(shown.snapshot)
    parts, backdrop = _plan(shown, is_coming=is_coming), backdrop_of(image)
    return _PAGE.substitute(
        title=escape(f"{title_of(shown)} · {SITE_NAME}"),
        head=make_head(shown, base_url, is_coming=is_coming),
        nonce=nonce,
        icon=LAMP.path,
        stylesheet=VIEW_STYLE.path,
        script=VIEW_SCRIPT.path,
        properties=_properties(image, backdrop),
        state=_state(image, backdrop, is_coming=is_coming),
        frame=f"{' coming' if is_coming else ''}{' hidden' if image.is_nsfw else ''}",
        glow=_tiny(backdrop, "glow"),
        veil=_tiny(backdrop, "veil"),
        picture=_picture(shown, parts),
        warning=_WARNING if image.is_nsfw else "",
        status=_status(shown, is_coming=is_coming),
        heading=escape(title_of(shown)),
        description=f'<p class="description">{escape(image.description)}</p>' if image.description else "",
        credit=_credit(shown),
        facts="".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in _facts(image)),
        actions=_actions(shown),
        share=_share(shown),
    )


def make_message(title: str, message: str) -> str:
    """A page that says why there is no picture."""
    return _MESSAGE.substitute(title=escape(title), message=escape(message), icon=LAMP.path, stylesheet=VIEW_STYLE.path)


def _plan(shown: Shown, *, is_coming: bool) -> PictureParts | None:
    image = shown.snapshot.image
    original = shown.linker.find(ORIGINAL)
    if original is None or original.state is VariantState.FAILED or not image.width_px or not image.height_px:
        return None
    tall_vh = round(_TALLEST_VH * image.width_px / image.height_px, 1)
    wish = PictureWish(WIDTHS_PX, (Family.AVIF, Family.WEBP), f"min(100vw, {tall_vh:g}vh, {image.width_px}px)")
    parts = plan_ready(shown.linker, wish) if is_coming else plan_picture(shown.linker, wish)
    # The placeholder is an element of its own here: the policy knows no styles in attributes.
    return replace(parts, backdrop=None) if parts is not None else None


def _properties(image: ImageRecord, backdrop: Backdrop | None) -> str:
    width_px, height_px = image.width_px or 3, image.height_px or 2
    tone = f"--tone:{backdrop.color};" if backdrop is not None else ""
    return f"{tone}--ratio:{width_px / height_px:.5f};--own-width:{max(width_px, 64) if image.width_px else 1200}px"


def _state(image: ImageRecord, backdrop: Backdrop | None, *, is_coming: bool) -> str:
    said: Mapping[str, str] = {
        "image": str(image.id),
        "revision": str(image.revision),
        "live": "coming" if is_coming else "done",
        **({"tone": backdrop.color} if backdrop is not None else {}),
    }
    return "".join(f' data-{name}="{escape(value)}"' for name, value in said.items())


def _tiny(backdrop: Backdrop | None, css_class: str) -> str:
    if backdrop is None:
        return ""
    source = f"data:image/png;base64,{escape(backdrop.png_base64)}"
    return f'<img class="{css_class}" src="{source}" alt="" aria-hidden="true">'


def _picture(shown: Shown, parts: PictureParts | None) -> str:
    if parts is None:
        return ""
    image = shown.snapshot.image
    words = parts.alt or title_of(shown)
    picture = make_picture(replace(parts, alt=words), is_first=True, css_class="print")
    kind = "open clear" if image.has_alpha else "open"
    return f'<a class="{kind}" href="{escape(shown.linker.derivative(ORIGINAL))}">{picture}</a>'


_WARNING = '<label class="warning"><input type="checkbox"><span>Not safe for work. Show it</span></label>'


def _status(shown: Shown, *, is_coming: bool) -> str:
    states = [record.state for record in shown.snapshot.variants]
    if is_coming:
        text = f"Developing: {states.count(VariantState.READY)} of {len(states)}"
    elif (original := shown.linker.find(ORIGINAL)) is not None and original.state is VariantState.FAILED:
        text = "This picture could not be developed."
    else:
        return ""
    return f'<p class="status" role="status">{text}</p>'


def _credit(shown: Shown) -> str:
    image = shown.snapshot.image
    told = [f"By {escape(author_of(shown))}"]
    if image.taken_at is not None:
        told.append(f'<time datetime="{image.taken_at:%Y-%m-%d}">{_date(image)}</time>')
    rights = (image.exif or {}).get("copyright")
    if rights:
        told.append(escape(str(rights)))
    return " · ".join(told)


def _date(image: ImageRecord) -> str:
    assert image.taken_at is not None, "looked at before"
    return f"{image.taken_at.day} {image.taken_at:%B %Y}"


def _facts(image: ImageRecord) -> Iterator[tuple[str, str]]:
    size = [image.format.name] if image.format is not None else []
    if image.width_px and image.height_px:
        size.append(f"{image.width_px:,} × {image.height_px:,}")
    if image.byte_size:
        size.append(_bytes(image.byte_size))
    if size:
        yield "File", " · ".join(size)
    exif = image.exif or {}
    if camera := camera_of(str(exif.get("make") or ""), str(exif.get("model") or "")):
        yield "Camera", camera
    settings = [
        f"{exif['focal_length_mm']:g} mm" if exif.get("focal_length_mm") else "",
        f"ƒ/{exif['f_number']:g}" if exif.get("f_number") else "",
        f"{exif['exposure_time']} s" if exif.get("exposure_time") else "",
        f"ISO {exif['iso']}" if exif.get("iso") else "",
    ]
    if any(settings):
        yield "Exposure", " · ".join(filter(None, settings))


def camera_of(make: str, model: str) -> str:
    """What the camera is called; many models' names begin with their maker's first word (NIKON CORPORATION)."""
    named, maker = model.casefold().split()[:1], make.casefold().split()[:1]
    return model if named and named == maker else f"{make} {model}".strip()


def _bytes(count: int) -> str:
    unit, name = next(((unit, name) for unit, name in _UNITS if count >= unit), (1, "bytes"))
    return f"{count / unit:.3g} {name}"


def _actions(shown: Shown) -> str:
    if shown.snapshot.image.format is None:
        return ""
    original, download = escape(shown.linker.derivative(ORIGINAL)), escape(shown.linker.download())
    return f'<a href="{original}">Full size</a><a href="{download}" download>Download</a>'


def _share(shown: Shown) -> str:
    if not shown.is_public:
        return ""
    made = plan_embedding(shown.linker, "w1024")
    forms = (("Link", shown.linker.page()), ("HTML", made.html), ("Markdown", made.markdown), ("BBCode", made.bbcode))
    fields = "".join(
        f'<label><span>{name}</span><input readonly value="{escape(text)}"><button type="button" hidden>Copy</button>'
        "</label>"
        for name, text in forms
    )
    return f'<details class="share"><summary>Share</summary>{fields}</details>'
