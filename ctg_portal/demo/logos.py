"""A logo for a territory of the demonstration: its initials on its colour."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

SIZE = 240


def draw_logo(initiales: str, couleur: str) -> bytes:
    """A square PNG, always the same for the same letters and colour."""
    image = Image.new("RGB", (SIZE, SIZE), "#ffffff")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, SIZE - 1, SIZE - 1), radius=40, fill=couleur)
    draw.rectangle((40, 184, SIZE - 41, 190), fill="#ffffff")
    font = ImageFont.load_default(size=104)
    draw.text((SIZE / 2, 108), initiales, fill="#ffffff", font=font, anchor="mm")
    output = BytesIO()
    image.save(output, "PNG", optimize=True)
    return output.getvalue()
