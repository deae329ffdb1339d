"""The fiches by avancement, as cards moved by dragging or by buttons; each column shows its first ones."""

from dataclasses import dataclass

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse

from actions.forms.kanban import GesteForm
from actions.models import AVANCEMENT_TRANSITIONS, FicheAction
from actions.models.fiche import Avancement
from actions.models.mouvements import Mouvement, undo_move
from actions.views.vues import VueView
from ctg_portal.workflow import TransitionError

COLONNES = (
    Avancement.A_VENIR,
    Avancement.EN_COURS,
    Avancement.EN_PAUSE,
    Avancement.REALISEE,
    Avancement.ABANDONNEE,
)
CARTES = 20
"""Cards that a column shows, and that « Afficher la suite » adds."""
SUITES = 25
"""Times that a column may be made longer: beyond, filters are the way."""
DERNIER = "dernier_avancement"
"""In the session: the last move of the person, offered back."""
ANNULER = "annuler"


@dataclass
class Colonne:
    code: str
    label: str
    total: int
    fiches: list
    suite: str
    """The query string that shows more of it; « » when all is shown."""
    reste: int


class KanbanView(VueView):
    template_name = "actions/kanban.html"
    vue = "kanban"

    def post(self, request, *args, **kwargs):
        form = GesteForm(request.POST)
        try:
            if request.POST.get("geste") == ANNULER:
                return self.back_to(self.undo())
            if not form.is_valid():
                raise TransitionError(" ".join(form.errors["geste"]))
            pk, depuis, vers = form.cleaned_data["geste"]
            fiche = self.find(pk)
            allowed = AVANCEMENT_TRANSITIONS[fiche.avancement]
            if vers == Avancement.ABANDONNEE and depuis == fiche.avancement and vers in allowed:
                return self.ask_reason(fiche)
            moved = form.move(fiche, by=request.user)
        except TransitionError as refused:
            return self.render_to_response(self.get_context_data(refus=str(refused)))
        request.session[DERNIER] = {"code": self.convention.code} | moved._asdict()
        return self.back_to(fiche)

    def back_to(self, fiche):
        """The board again, the card that moved in sight."""
        asked = self.request.GET.copy()
        asked["bougee"] = str(fiche.pk)
        return HttpResponseRedirect(f"{self.request.path}?{asked.urlencode()}#carte-{fiche.pk}")

    def find(self, pk):
        """The fiche, if the person sees it here and may follow it; a sentence otherwise."""
        fiches = FicheAction.objects.visible_to(self.request.user).of_convention(self.convention)
        fiche = fiches.select_related("plan__convention").prefetch_related("pilotes").filter(pk=pk).first()
        if fiche is None:
            raise TransitionError("Cette fiche n’est plus ici\u00a0: rien n’a été déplacé.")
        if not self.request.user.has_perm("actions.follow_ficheaction", fiche):
            raise TransitionError(
                f"«\u00a0{fiche}\u00a0» n’a pas été déplacée\u00a0: seuls la coordination et ses pilotes changent son avancement."
            )
        return fiche

    def undo(self):
        kept = self.request.session.get(DERNIER)
        if not kept or kept["code"] != self.convention.code or not kept["ligne"]:
            raise TransitionError("Il n’y a plus de déplacement à annuler.")
        mouvement = Mouvement(**{name: kept[name] for name in Mouvement._fields})
        fiche = self.find(mouvement.fiche)
        said = undo_move(fiche, mouvement, by=self.request.user)
        self.request.session[DERNIER] = kept | {"ligne": 0, "phrase": said}
        return fiche

    def ask_reason(self, fiche):
        """An abandon says why: its own page asks it, and comes back here."""
        asked = QueryDict(mutable=True)
        asked.update({"avancement": Avancement.ABANDONNEE, "vue": self.vue, "retour": self.filter.requete})
        url = reverse("actions:cellule", args=[self.convention.code, fiche.pk, "avancement"])
        url = f"{url}?{asked.urlencode()}"
        if self.request.headers.get("HX-Request") == "true":
            return HttpResponse(headers={"HX-Redirect": url})
        return HttpResponseRedirect(url)

    def columns(self, bougee):
        by_code = {code: [] for code in Avancement.values}
        for pk, code in self.in_order():
            by_code[code].append(pk)
        shown, limits = {}, {}
        for code, pks in by_code.items():
            limits[code] = CARTES * (1 + self.suites(code))
            shown[code] = pks[: limits[code]]
            if bougee in pks[limits[code] :]:
                # Whoever moved a card sees where it went.
                shown[code] = [bougee, *shown[code]]
        wanted = [pk for pks in shown.values() for pk in pks]
        rows = {fiche.pk: fiche for fiche in FicheAction.objects.filter(pk__in=wanted).for_list()}
        for fiche in rows.values():
            fiche.suivants = self.next_ones(fiche)
        return [self.column(code, by_code[code], shown[code], rows, limits[code]) for code in COLONNES]

    def in_order(self):
        """(id, avancement) of what the address names, as it sorts it."""
        if self.filter.ordre == self.filter.tri_par_defaut:
            return [(ligne.pk, ligne.avancement) for ligne in self.filter.kept]
        return list(self.filter.qs.values_list("pk", "avancement"))

    def suites(self, code):
        asked = self.request.GET.get(f"suite_{code}", "")
        return min(int(asked), SUITES) if asked.isascii() and asked.isdigit() and len(asked) < 4 else 0  # noqa: PLR2004 - far beyond SUITES

    def next_ones(self, fiche):
        """Where the card may go: (code, label); none when the person may not move it."""
        if not self.request.user.has_perm("actions.follow_ficheaction", fiche):
            return []
        allowed = AVANCEMENT_TRANSITIONS[fiche.avancement]
        return [(code.value, code.label) for code in COLONNES if code in allowed]

    def column(self, code, pks, shown, rows, limit):
        reste = len(pks) - len(shown)
        suite = ""
        if reste and self.suites(code) < SUITES:
            asked = self.request.GET.copy()
            asked[f"suite_{code}"] = str(self.suites(code) + 1)
            suite = asked.urlencode()
        fiches = [rows[pk] for pk in shown if pk in rows]
        return Colonne(code.value, code.label, len(pks), fiches, suite, reste)

    def get_context_data(self, **kwargs):
        kwargs.setdefault("refus", "")
        asked = self.request.GET.copy()
        bougee = asked.pop("bougee", [""])[-1]
        dernier = self.request.session.get(DERNIER)
        if (
            kwargs["refus"]
            or not dernier
            or (str(dernier["fiche"]), self.convention.code) != (bougee, dernier["code"])
        ):
            dernier = None
        bougee = dernier["fiche"] if dernier else None
        suites = [(f"suite_{code}", str(n)) for code in Avancement.values if (n := self.suites(code))]
        return super().get_context_data(
            colonnes=self.columns(bougee),
            bougee=bougee,
            dernier=dernier,
            garde=suites,
            adresse=f"{self.request.path}?{asked.urlencode()}",
            **kwargs,
        )
