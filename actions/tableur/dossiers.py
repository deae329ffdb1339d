"""What a file changes in one fiche, looked at by the forms of the pages: written, or refused with their reason."""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from actions.forms.fiches import AvancementForm, FicheAddForm
from actions.models import AVANCEMENT_TRANSITIONS, Axe, FicheAction, Objectif
from actions.models.fiche import Avancement
from actions.models.plan import PlanActions
from actions.tableur.apercu import Cellule, Sorte
from actions.tableur.colonnes import AVANCEMENT, FEUILLES, MESURES, PLACE, Feuille
from actions.tableur.contenu import FORMULAIRES, Contenu
from actions.tableur.formulaires import ChoixDuPlan, Rangees, build_mesures, build_section, check_here
from ctg_portal.workflow import TransitionError

TOURS = 6
"""How many times a form is built again without the cells that it refused."""
FEUILLES_PAR_CLE = {feuille.cle: feuille for feuille in FEUILLES}


@dataclass
class Saisie:
    """A cell to write: what the form is sent for it."""

    cellule: Cellule
    valeurs: list[str]

    @property
    def is_gardee(self) -> bool:
        """What is kept in a note does not go through a form."""
        return self.cellule.is_ecrite and self.cellule.sorte is not Sorte.NOTE


@dataclass
class NouvelleLigne:
    """A row to add to a fiche; ``indicateur``: of which, for a measure."""

    saisies: dict[str, Saisie]
    indicateur: int | None = None
    ancre: Cellule | None = None
    """The cell that carries a refusal of the whole row."""

    @property
    def is_gardee(self) -> bool:
        return any(saisie.is_gardee for saisie in self.saisies.values()) and not (
            self.ancre is not None and self.ancre.sorte is Sorte.REFUS
        )

    def refuse(self, motif: str) -> None:
        for saisie in self.saisies.values():
            saisie.cellule.refuse(motif)


@dataclass
class LignesChangees:
    """What changes in one sheet of rows for one fiche."""

    changees: dict[int, dict[str, Saisie]] = field(default_factory=dict)
    nouvelles: list[NouvelleLigne] = field(default_factory=list)
    retirees: set[int] = field(default_factory=set)


@dataclass
class Dossier:
    """One fiche and what the file says of it. ``axe`` and ``objectif``: where it goes, when it is new or moved."""

    fiche: FicheAction
    champs: dict[str, dict[str, Saisie]] = field(default_factory=lambda: defaultdict(dict))
    lignes: dict[str, LignesChangees] = field(default_factory=lambda: defaultdict(LignesChangees))
    axe: Axe | None = None
    objectif: Objectif | None = None
    notes: list[str] = field(default_factory=list)
    """What becomes a dated note of a new fiche."""

    @property
    def is_nouveau(self) -> bool:
        return self.fiche.pk is None

    def saisies(self, section: str) -> dict[str, Saisie]:
        return {nom: saisie for nom, saisie in self.champs.get(section, {}).items() if saisie.is_gardee}

    def value(self, section: str, nom: str) -> str:
        """What one field is sent; « » for nothing."""
        saisie = self.saisies(section).get(nom)
        return saisie.valeurs[0] if saisie is not None and saisie.valeurs else ""

    def new_avancement(self) -> str:
        """Where a new fiche already stands; « »: it is to come, as all are."""
        value = self.value(AVANCEMENT, "avancement")
        return "" if value == Avancement.A_VENIR else value

    def sections(self) -> list[str]:
        """Slugs of the sections with something to save, in the order of the page."""
        touched = {section for section in self.champs if self.saisies(section)}
        for cle, rows in self.lignes.items():
            if (
                any(saisie.is_gardee for row in rows.changees.values() for saisie in row.values())
                or any(row.is_gardee for row in rows.nouvelles)
                or rows.retirees
            ):
                touched.add(FEUILLES_PAR_CLE[cle].section)
        return [slug for slug in FORMULAIRES if slug in touched]

    def rangees(self, feuille: Feuille, indicateur: int | None = None) -> Rangees:
        """What is kept of the rows of a sheet, as a formset is sent it; of one indicator, for measures."""
        rows = self.lignes.get(feuille.cle, LignesChangees())
        changed = {
            pk: {nom: saisie.valeurs for nom, saisie in row.items() if saisie.is_gardee}
            for pk, row in rows.changees.items()
        }
        return Rangees(
            {pk: row for pk, row in changed.items() if row},
            [
                {nom: saisie.valeurs for nom, saisie in row.saisies.items() if saisie.is_gardee}
                for row in rows.nouvelles
                if row.is_gardee and row.indicateur == indicateur
            ],
            set(rows.retirees),
        )


class Verification:
    """Looks at the dossiers of one plan with the forms of its pages."""

    def __init__(self, contenu: Contenu) -> None:
        self.contenu = contenu
        self.choix = ChoixDuPlan(contenu)
        self._prets: dict[tuple[int, str], Any] = {}
        """Forms found good, ready to be saved."""

    # Looking

    def check(self, dossier: Dossier) -> None:
        """Mark refused whatever the pages would refuse, with their reason."""
        if dossier.is_nouveau:
            self._check_new(dossier)
        else:
            self._check_place(dossier)
            self._check_avancement(dossier)
        for section in dossier.sections():
            self._check_section(dossier, section)
        self._check_mesures(dossier)

    def _check_section(self, dossier: Dossier, section: str) -> None:
        for _ in range(TOURS):
            form = self._section(dossier, section)
            if form.is_valid():
                self._prets[id(dossier), section] = form
                return
            if not self._blame(dossier, section, form):
                return

    def ready(self, dossier: Dossier, section: str) -> Any:
        """Its form, found good. Raises ``TransitionError`` if it is not after all."""
        form = self._prets.get((id(dossier), section)) or self._section(dossier, section)
        if not form.is_valid():
            raise TransitionError(f"{dossier.fiche} : {sentence_of(form)}")
        return form

    def _section(self, dossier: Dossier, section: str) -> Any:
        feuilles = [feuille for feuille in FEUILLES if feuille.section == section]
        return build_section(
            self.choix,
            dossier.fiche,
            section,
            {nom: saisie.valeurs for nom, saisie in dossier.saisies(section).items()},
            {feuille.prefixe: dossier.rangees(feuille) for feuille in feuilles},
        )

    def _blame(self, dossier: Dossier, section: str, form: Any) -> bool:
        """Refuse the cells that the errors of the form are about; whether any was."""
        saisies = dossier.saisies(section)
        blamed = _blame_fields(form, saisies.get, saisies.values())
        for feuille in FEUILLES:
            if feuille.section == section and feuille.prefixe in form.formsets:
                blamed |= self._blame_rows(dossier, feuille, form.formsets[feuille.prefixe], None)
        return blamed

    def _blame_rows(self, dossier: Dossier, feuille: Feuille, formset: Any, indicateur: int | None) -> bool:
        rows = dossier.lignes[feuille.cle]
        added = [row for row in rows.nouvelles if row.is_gardee and row.indicateur == indicateur]
        blamed = False
        start = formset.initial_form_count()
        for rank, form in enumerate(formset.forms):
            if not form.errors or getattr(form, "cleaned_data", {}).get("DELETE"):
                continue
            if rank >= start:
                if rank - start < len(added):
                    added[rank - start].refuse(sentence_of(form))
                    blamed = True
                continue
            changed = rows.changees.get(form.instance.pk, {})
            kept = {nom: saisie for nom, saisie in changed.items() if saisie.is_gardee}
            blamed |= _blame_fields(form, kept.get, kept.values())
        # Two rows alike are told by the second of them too.
        if not blamed and (said := [*formset.non_form_errors()]):
            cells = [s for row in rows.changees.values() for s in row.values() if s.is_gardee]
            for saisie in cells:
                saisie.cellule.refuse(" ".join(said))
            for row in added:
                row.refuse(" ".join(said))
            blamed |= bool(cells or added)
        return blamed

    def _check_mesures(self, dossier: Dossier) -> None:
        for indicateur, feuille in self.indicateurs_mesures(dossier):
            for _ in range(TOURS):
                formset = build_mesures(indicateur, dossier.rangees(feuille, indicateur.pk))
                if formset.is_valid() or not self._blame_rows(dossier, feuille, formset, indicateur.pk):
                    break

    def indicateurs_mesures(self, dossier: Dossier) -> Iterable[tuple[Any, Feuille]]:
        """Indicators of the fiche whose measures change."""
        feuille = FEUILLES_PAR_CLE[MESURES]
        rows = dossier.lignes.get(feuille.cle)
        if rows is None or dossier.is_nouveau:
            return
        touched = {pk for pk, row in rows.changees.items() if any(s.is_gardee for s in row.values())}
        touched |= rows.retirees
        added = {row.indicateur for row in rows.nouvelles if row.is_gardee}
        for indicateur in dossier.fiche.indicateurs.all():
            if indicateur.pk in added or touched & {row.pk for row in indicateur.mesures.all()}:
                yield indicateur, feuille

    def _check_place(self, dossier: Dossier) -> None:
        """Where an existing fiche goes. The objectif decides; without it, the fiche hangs directly under the axe."""
        saisies = dossier.saisies(PLACE)
        if not saisies:
            return None
        fiche, listes = dossier.fiche, self.contenu.listes
        axe: Any = fiche.axe
        objectif: Any = fiche.objectif
        if "axe" in saisies:
            pk = saisies["axe"].valeurs[0]
            if not pk:
                return saisies["axe"].cellule.refuse("une fiche est dans un axe : choisissez-en un.")
            axe = listes["axes"].rows[int(pk)]
        if "objectif" in saisies:
            pk = saisies["objectif"].valeurs[0]
            objectif = listes["objectifs"].rows[int(pk)] if pk else None
            if objectif is not None and "axe" not in saisies:
                axe = objectif.axe
        if objectif is not None and objectif.axe_id != axe.pk:
            for saisie in saisies.values():
                saisie.cellule.refuse(
                    f"l’objectif « {objectif} » n’est pas de cet axe : changez les deux cases ensemble."
                )
            return None
        dossier.axe, dossier.objectif = axe, objectif
        return None

    def _check_avancement(self, dossier: Dossier) -> None:
        saisies = dossier.saisies(AVANCEMENT)
        if not saisies:
            return
        fiche, new = dossier.fiche, saisies.get("avancement")
        if new is None:
            for saisie in saisies.values():
                saisie.cellule.refuse(
                    "cette case se remplit en même temps que l’avancement : le motif avec « Abandonnée », la fin réelle avec "
                    "« Réalisée »."
                )
            return
        target = new.valeurs[0]
        if target not in AVANCEMENT_TRANSITIONS[fiche.avancement]:
            label = str(Avancement(target).label).lower() if target else "vide"
            self._refuse_all(
                saisies,
                f"une action « {fiche.get_avancement_display().lower()} » ne peut pas passer à « {label} ».",
            )
            return
        for nom, only in (("motif_abandon", Avancement.ABANDONNEE), ("fin_reelle", Avancement.REALISEE)):
            other = saisies.get(nom)
            if other is not None and target != only and any(other.valeurs):
                other.cellule.refuse(f"cette case ne se remplit qu’avec « {only.label} ».")
        form = self.avancement_form(dossier)
        if not form.is_valid():
            fields = {"motif": saisies.get("motif_abandon"), "fin_reelle": saisies.get("fin_reelle")}
            if not _blame_fields(form, lambda nom: fields.get(nom) or new, saisies.values()):
                self._refuse_all(saisies, sentence_of(form))

    def _refuse_all(self, saisies: dict[str, Saisie], motif: str) -> None:
        for saisie in saisies.values():
            saisie.cellule.refuse(motif)

    def avancement_form(self, dossier: Dossier) -> Any:
        saisies = dossier.saisies(AVANCEMENT)

        def value(nom: str) -> str:
            return saisies[nom].valeurs[0] if nom in saisies else ""

        data = {
            "avancement": value("avancement"),
            "motif": value("motif_abandon"),
            "fin_reelle": value("fin_reelle"),
        }
        return AvancementForm(data, instance=copy.copy(dossier.fiche))

    def _check_new(self, dossier: Dossier) -> None:
        identite = dossier.saisies("identite")
        form = self.add_form(dossier)
        if not form.is_valid():
            _blame_fields(form, identite.get, [*identite.values(), *dossier.saisies(PLACE).values()])
            return self._refuse_new(dossier)
        fiche: Any = dossier.fiche
        fiche.intitule, fiche.code = form.cleaned_data["intitule"], form.cleaned_data["code"]
        fiche.axe, fiche.objectif = dossier.axe, dossier.objectif
        moved = dossier.new_avancement()
        if moved and moved not in AVANCEMENT_TRANSITIONS[Avancement.A_VENIR.value]:
            self._refuse_all(
                dossier.saisies(AVANCEMENT), "cet avancement n’est pas celui d’une fiche nouvelle."
            )
        elif moved == Avancement.ABANDONNEE and not dossier.value(AVANCEMENT, "motif_abandon"):
            self._refuse_all(dossier.saisies(AVANCEMENT), "dites pourquoi la fiche est abandonnée.")
        return None

    def _refuse_new(self, dossier: Dossier) -> None:
        """A fiche that cannot be made takes with it what was written of it."""
        motif = "la fiche nouvelle de cette ligne ne peut pas être créée."
        for section in [*dossier.champs]:
            self._refuse_all(dossier.saisies(section), motif)
        for rows in dossier.lignes.values():
            for row in rows.nouvelles:
                row.refuse(motif)

    def add_form(self, dossier: Dossier) -> Any:
        data = {
            "intitule": dossier.value("identite", "intitule"),
            "code": dossier.value("identite", "code"),
            "place": "ici" if dossier.axe is not None else "",
        }
        form: Any = FicheAddForm(
            data, instance=FicheAction(plan=self.contenu.plan), branches=[], codes=self.contenu.codes
        )
        form.fields["place"].offer([("", [("ici", "ici", (dossier.axe, dossier.objectif, None))])])
        check_here(form.instance)
        return form


def _blame_fields(form: Any, find: Callable[[str], Saisie | None], everything: Iterable[Saisie]) -> bool:
    """Refuse the cell of each field in error; all of them for what no single cell caused. Whether any was."""
    rest: list[str] = []
    blamed = False
    for nom, sentences in form.errors.items():
        saisie = find(nom)
        if saisie is not None:
            saisie.cellule.refuse(" ".join(sentences))
            blamed = True
        elif nom == "__all__":
            rest += sentences
        else:
            label = form.fields[nom].label if nom in form.fields else nom
            rest.append(f"« {label} » : {' '.join(sentences)}")
    if rest and not blamed:
        for saisie in everything:
            if saisie.is_gardee:
                saisie.cellule.refuse(" ".join(rest))
                blamed = True
    return blamed


def sentence_of(form: Any) -> str:
    """All that a form refuses, in one line."""
    said = [
        " ".join(sentences)
        if nom == "__all__"
        else f"« {form.fields[nom].label if nom in form.fields else nom} » : {' '.join(sentences)}"
        for nom, sentences in form.errors.items()
    ]
    return " ".join(said) or "cette ligne n’est pas valable."


def lock_plan(plan: PlanActions) -> None:
    """Two files for one plan wait for each other; so do the fiches that somebody else is saving."""
    PlanActions.objects.select_for_update(of=("self",)).get(pk=plan.pk)
    list(
        FicheAction.objects.select_for_update(of=("self",)).filter(plan=plan).order_by("pk").values_list("pk")
    )
