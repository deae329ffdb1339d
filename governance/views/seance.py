"""One screen to run a meeting: the agenda, the point spoken of with its fiches and notes, the decision being written."""

import hashlib

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.generic import DetailView, UpdateView

from ctg_portal.mixins import TransitionFormMixin
from governance.forms.decisions import DecisionForm
from governance.forms.seance import PointCourantForm, PointNotesForm, PresencesSeanceForm
from governance.models import Decision, Reunion
from governance.models.compte_rendu import MINUTES_SOUMISES
from governance.seance import voices_in_room
from governance.views.decisions import SeenBeforeMixin
from governance.views.ordre_du_jour import PointMixin
from governance.views.reunions import ReunionMixin, WhileInThatStateMixin


class SeanceMixin(WhileInThatStateMixin):
    """Pages of a meeting that is open, or was held and is being put down."""

    permission = "governance.note_reunion"
    template_name = "governance/seance.html"

    def get_queryset(self):
        return super().get_queryset().for_page(self.request.user)

    def url_of(self, point=None):
        url = reverse("governance:seance", args=[self.convention.code, self.kwargs["pk"]])
        return f"{url}?point={point.pk}" if point else url

    @property
    def point(self):
        """The one asked for, else the one spoken of, else the first; ``None`` without an agenda."""
        points = list(self.reunion.points.all())
        asked = self.request.GET.get("point", "")
        found = next((point for point in points if str(point.pk) == asked), None)
        current = next((point for point in points if point.pk == self.reunion.point_courant_id), None)
        return found or current or next(iter(points), None)

    @property
    def reunion(self):
        return self.object

    def get_context_data(self, **kwargs):
        reunion, point = self.reunion, self.point
        if point is not None:
            point.reunion = reunion
        points = list(reunion.points.all())
        after = points[points.index(point) + 1 :] if point in points else []
        return super().get_context_data(
            suivant=next(iter(after), None),
            notes_form=PointNotesForm(instance=point, auto_id="notes_%s") if point else None,
            ouvertes=Decision.objects.before(reunion).ouvertes().most_pressing_first(),
            **direct_context(reunion, point, montre=str(reunion.point_courant_id or "")),
            **kwargs,
        )


def direct_context(reunion, point, *, montre):
    """What another screen may change; ``montre`` is the key of the point spoken of when the page was drawn, or empty."""
    presences = list(reunion.presences.all())
    return {
        "reunion": reunion,
        "point": point,
        "montre": montre,
        "bouge": montre != str(reunion.point_courant_id or ""),
        "voix": voices_in_room(reunion, presences),
        "pointees": sum(1 for presence in presences if presence.etat),
        "attendues": len(presences),
        "decisions": Decision.objects.filter(reunion=reunion).select_related("convention").order_by("rang"),
    }


class SeanceView(SeanceMixin, DetailView):
    """What the room looks at. A GET changes nothing: the point is opened by its button."""

    def get_context_data(self, **kwargs):
        form = DecisionForm(
            instance=Decision(), reunion=self.object, user=self.request.user, point=self.point
        )
        return super().get_context_data(form=form, **kwargs)


class SeanceDirectView(ReunionMixin, DetailView):
    """Where the meeting is, for a screen that is already open: only what changed since ``vu``, 204 when nothing did.

    286 ends the asking: the meeting is not open any more. Whoever opens this address is led to the screen.
    """

    queryset = ReunionMixin.queryset.select_related("point_courant").prefetch_related("points__decisions")
    permission = "governance.coordinate_reunion"
    template_name = "governance/seance_direct.html"

    def get_context_data(self, **kwargs):
        asked, montre = (self.request.GET.get(name, "") for name in ("point", "montre"))
        point = next((row for row in self.object.points.all() if str(row.pk) == asked), None)
        return super().get_context_data(**direct_context(self.object, point, montre=montre), **kwargs)

    def render_to_response(self, context, **kwargs):
        if not self.request.headers.get("HX-Request"):
            return HttpResponseRedirect(
                reverse("governance:seance", args=[self.convention.code, self.object.pk])
            )
        html = render_to_string(self.template_name, context, self.request)
        vu = hashlib.sha256(html.encode()).hexdigest()[:20]
        if self.object.statut != Reunion.Statut.OUVERTE:
            return HttpResponse(html, status=286)
        if self.request.GET.get("vu") == vu:
            return HttpResponse(status=204)
        shown = {name: context[name] for name in ("reunion", "convention", "point", "montre")}
        return HttpResponse(
            html + render_to_string("governance/partials/seance_veille.html", shown | {"vu": vu, "oob": True})
        )


class SeancePointView(SeanceMixin, TransitionFormMixin, UpdateView):
    form_class = PointCourantForm
    http_method_names = ["post"]

    def get_success_url(self):
        return self.url_of()

    def form_invalid(self, form):
        for sentences in form.errors.values():
            for sentence in sentences:
                messages.warning(self.request, sentence)
        return HttpResponseRedirect(self.url_of())


class SeanceDecisionView(SeenBeforeMixin, SeanceMixin, TransitionFormMixin, UpdateView):
    """The decision written beside the point."""

    permission = "governance.decide_reunion"
    form_class = DecisionForm

    @property
    def reunion(self):
        return self.seen

    def get_object(self, queryset=None):
        self.seen = super().get_object(queryset)
        return self.seen

    @property
    def success_message(self):
        return f"La décision {self.object} est enregistrée."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {
            "instance": Decision(),
            "reunion": self.seen,
            "user": self.request.user,
            "point": self.point,
        }

    def get_success_url(self):
        return f"{self.url_of(self.point)}#decision-{self.object.pk}"


class SeancePresencesView(SeanceMixin, TransitionFormMixin, UpdateView):
    form_class = PresencesSeanceForm
    template_name = "governance/seance_presences.html"

    def get_form_kwargs(self):
        self.presences = list(self.object.presences.select_related("pouvoir_a"))
        for presence in self.presences:
            presence.reunion = self.object
        return super().get_form_kwargs() | {"presences": self.presences}

    def get_success_url(self):
        return self.url_of()

    def form_valid(self, form):
        response = super().form_valid(form)
        if response.status_code == 302 and form.refused:
            names = ", ".join(str(row) for row in form.refused)
            messages.warning(
                self.request,
                f"Un autre écran a pointé entre-temps\u00a0: {names}. Sa saisie est gardée\u00a0; la vôtre, pour ces "
                "personnes, ne l’est pas\u00a0: vérifiez.",
            )
            return HttpResponseRedirect(
                reverse("governance:seance_presences", args=[self.convention.code, self.object.pk])
            )
        if response.status_code == 302:
            messages.success(self.request, "Les présences sont enregistrées.")
        return response


class SeanceNotesView(PointMixin, UpdateView):
    """The notes of a point, sent by the button or, as they are typed, by the page itself (an answer in JSON)."""

    permission = "governance.note_pointordredujour"
    form_class = PointNotesForm
    template_name = "governance/seance_notes.html"

    def get_queryset(self):
        points = super().get_queryset()
        return points.select_for_update(of=("self",)) if self.request.method == "POST" else points

    @property
    def wants_json(self):
        return self.request.headers.get("Accept", "").startswith("application/json")

    def state_sentence(self, point):
        if point.reunion.is_decidable:
            return MINUTES_SOUMISES
        return f"La réunion est maintenant «\u00a0{point.reunion.get_statut_display().lower()}\u00a0»\u00a0: ses notes ne changent plus."

    def get_success_url(self):
        reunion = self.object.reunion_id
        return f"{reverse('governance:seance', args=[self.convention.code, reunion])}?point={self.object.pk}"

    def form_valid(self, form):
        response = super().form_valid(form)
        if response.status_code != 302:
            return response
        if self.wants_json:
            fresh = PointNotesForm(instance=self.object)
            heure = timezone.localtime().strftime("%H:%M:%S")
            return JsonResponse({"empreinte": fresh.current_empreinte, "dit": f"Enregistré à {heure}."})
        messages.success(self.request, "Les notes sont enregistrées.")
        return response

    def form_invalid(self, form):
        if not self.wants_json:
            return super().form_invalid(form)
        saved = type(self.object).objects.values_list("notes", flat=True).get(pk=self.object.pk)
        sentences = [str(sentence) for rows in form.errors.values() for sentence in rows]
        return JsonResponse(
            {
                "conflit": form.conflict,
                "dit": sentences[0] if sentences else "",
                "enregistre": saved,
                "empreinte": form.current_empreinte,
            },
            status=409,
        )
