"""The look of the page: a gradio theme over one set of CSS variables, light and dark, and the shared script.

`theme.css` names every colour once for light and once for dark; the gradio theme below only points at those
names, so that gradio's own components and ours change scheme together. The font is shipped with the page
(`demos/fonts`, SIL Open Font License) so that no visitor's browser asks another host for it.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__).parent


def _font_face() -> str:
    """An @font-face rule that carries Inter (latin, weights 100..900) in itself."""
    font = base64.b64encode((_HERE / "fonts" / "inter-latin.woff2").read_bytes()).decode()
    return (
        "@font-face{font-family:Inter;font-style:normal;font-weight:100 900;font-display:swap;"
        f"src:url(data:font/woff2;base64,{font}) format('woff2')}}\n"
    )


def page_look() -> dict[str, Any]:
    """What `launch` needs to show the page as it is meant."""
    return {"theme": EarwitnessTheme(), "css": _page_css(), "head": _page_head()}


def _page_css() -> str:
    """Font, colours of both schemes, layout, gradio's own parts restyled."""
    return _font_face() + (_HERE / "theme.css").read_text(encoding="utf-8")


def _page_head() -> str:
    """The script that the page's own components share."""
    return f"<script>{(_HERE / 'page.js').read_text(encoding='utf-8')}</script>"


class EarwitnessTheme(gr.themes.Base):
    """Gradio's components in Earwitness's colours; the dark values are the same names, redefined in CSS."""

    def __init__(self) -> None:
        super().__init__(
            font=["Inter", "system-ui", "sans-serif"],
            font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
            text_size=gr.themes.sizes.text_md,
            spacing_size=gr.themes.sizes.spacing_sm,
            radius_size=gr.themes.sizes.radius_md,
        )
        same_in_both = {
            "body_background_fill": "var(--ew-page)",
            "body_text_color": "var(--ew-ink)",
            "body_text_color_subdued": "var(--ew-muted)",
            "background_fill_primary": "var(--ew-card)",
            "background_fill_secondary": "var(--ew-page)",
            "border_color_accent": "var(--ew-accent)",
            "border_color_accent_subdued": "var(--ew-accent-soft)",
            "border_color_primary": "var(--ew-line)",
            "color_accent_soft": "var(--ew-accent-soft)",
            "link_text_color": "var(--ew-accent)",
            "link_text_color_hover": "var(--ew-accent)",
            "link_text_color_active": "var(--ew-accent)",
            "link_text_color_visited": "var(--ew-accent)",
            "block_background_fill": "transparent",
            "block_border_color": "var(--ew-line)",
            "block_border_width": "0px",
            "block_info_text_color": "var(--ew-muted)",
            "block_label_background_fill": "transparent",
            "block_label_text_color": "var(--ew-muted)",
            "block_title_text_color": "var(--ew-muted)",
            "block_shadow": "none",
            "panel_background_fill": "transparent",
            "panel_border_width": "0px",
            "input_background_fill": "var(--ew-card)",
            "input_background_fill_focus": "var(--ew-card)",
            "input_border_color": "var(--ew-line)",
            "input_border_color_focus": "var(--ew-accent)",
            "input_border_width": "1px",
            "input_placeholder_color": "var(--ew-muted)",
            "input_shadow": "none",
            "input_shadow_focus": "0 0 0 2px var(--ew-accent-soft)",
            "checkbox_background_color": "var(--ew-card)",
            "checkbox_background_color_selected": "var(--ew-accent)",
            "checkbox_border_color": "var(--ew-line-strong)",
            "checkbox_border_color_selected": "var(--ew-accent)",
            "checkbox_label_background_fill": "var(--ew-card)",
            "checkbox_label_background_fill_hover": "var(--ew-card)",
            "checkbox_label_background_fill_selected": "var(--ew-accent-soft)",
            "checkbox_label_border_color": "var(--ew-line)",
            "checkbox_label_border_color_selected": "var(--ew-accent)",
            "checkbox_label_border_width": "1px",
            "checkbox_label_text_color": "var(--ew-muted)",
            "checkbox_label_text_color_selected": "var(--ew-accent)",
            "checkbox_label_shadow": "none",
            "error_background_fill": "var(--ew-red-soft)",
            "error_border_color": "var(--ew-red)",
            "error_text_color": "var(--ew-red)",
            "loader_color": "var(--ew-accent)",
            "slider_color": "var(--ew-accent)",
            "stat_background_fill": "var(--ew-accent-soft)",
            "table_border_color": "var(--ew-line)",
            "table_even_background_fill": "var(--ew-card)",
            "table_odd_background_fill": "var(--ew-card)",
            "button_primary_background_fill": "var(--ew-accent)",
            "button_primary_background_fill_hover": "var(--ew-accent-strong)",
            "button_primary_border_color": "var(--ew-accent)",
            "button_primary_text_color": "var(--ew-on-accent)",
            "button_secondary_background_fill": "var(--ew-card)",
            "button_secondary_background_fill_hover": "var(--ew-accent-soft)",
            "button_secondary_border_color": "var(--ew-line)",
            "button_secondary_text_color": "var(--ew-ink)",
            "button_border_width": "1px",
        }
        values = dict(same_in_both)
        dark_names = set(gr.themes.Base.set.__code__.co_varnames)
        values |= {f"{k}_dark": v for k, v in same_in_both.items() if f"{k}_dark" in dark_names}
        known = {name: value for name, value in values.items() if name in dark_names}
        super().set(**known, color_accent="var(--ew-accent)", block_radius="12px", input_radius="8px")
