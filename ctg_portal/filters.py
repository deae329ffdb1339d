"""What every filtered list shares: a sort in the address, and the filters in force said in words."""

from typing import Any

import django_filters
from django import forms


class ListFilter(django_filters.FilterSet):
    """``TRIS`` maps the values of ``tri`` to orderings; each ends on a key, so that pages never overlap."""

    TRIS: dict[str, tuple[Any, ...]] = {}
    tri_par_defaut = ""

    tri = django_filters.CharFilter(method="sort", widget=forms.HiddenInput)

    def sort(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.order_by(*self.TRIS[value]) if value in self.TRIS else queryset

    @property
    def ordre(self) -> str:
        """The sort in force."""
        asked = self.form.cleaned_data["tri"] if self.form.is_valid() else ""
        return asked if asked in self.TRIS else self.tri_par_defaut

    @property
    def badges(self) -> list[dict[str, str]]:
        """The filters in force (``label``, ``url_remove``), each with the address that removes it."""
        rows = []
        for bound in self.form.visible_fields():
            value = self.form.cleaned_data.get(bound.name) if self.form.is_valid() else None
            if not value:
                continue
            rest = self.data.copy()
            rest.pop(bound.name, None)
            rest.pop("page", None)
            said = bound.label if value is True else f"{bound.label}\u00a0: {self._said(bound, value)}"
            rows.append({"label": said, "url_remove": f"?{rest.urlencode()}"})
        return rows

    def _said(self, bound: forms.BoundField, value: Any) -> str:
        if isinstance(bound.field, forms.ModelChoiceField):
            return str(value)
        flat: dict[str, str] = {}
        for key, label in getattr(bound.field, "choices", ()):
            flat |= dict(label) if isinstance(label, (list, tuple)) else {key: label}
        return flat.get(str(value), str(value))
