"""One change made to several fiches at once: seen before it is made, written in one transaction, taken back as one."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import pghistory
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from actions.models.complements import complements_of, with_sections
from actions.models.fiche import Avancement, FicheAction, Pilote, Transition
from actions.models.noms import key_of_name
from conventions.models import Convention
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError

Etat = Any
"""What a fiche says of the field that changes, as JSON keeps it: a word, a date, a list of pilotes."""


class Champ(models.TextChoices):
    AVANCEMENT = "avancement", "Avancement"
    PRIORITE = "priorite", "Priorité"
    PILOTE = "pilote", "Pilotes"
    ECHEANCE = "echeance", "Échéance"


# The permission on the fiche, and the section whose lock the field shares.
DROITS = {
    Champ.AVANCEMENT: ("actions.follow_ficheaction", ""),
    Champ.PRIORITE: ("actions.change_ficheaction", "identite"),
    Champ.PILOTE: ("actions.change_ficheaction", "equipe"),
    Champ.ECHEANCE: ("actions.change_ficheaction", "calendrier"),
}


@dataclass(frozen=True)
class Changement:
    """What is asked of each fiche. ``valeur``: a code, an ISO date or « » for none; pilotes are added, or replace the others."""

    champ: Champ
    valeur: str = ""
    motif: str = ""
    fin_reelle: datetime.date | None = None
    compte: User | None = None
    remplace: bool = False

    def __str__(self) -> str:
        match self.champ:
            case Champ.AVANCEMENT:
                return f"avancement «\u00a0{Avancement(self.valeur).label.lower()}\u00a0»"
            case Champ.PRIORITE:
                return f"priorité «\u00a0{FicheAction.Priorite(self.valeur).label.lower()}\u00a0»"
            case Champ.PILOTE:
                return f"{self.compte or self.valeur} {'seul·e pilote' if self.remplace else 'parmi les pilotes'}"
            case Champ.ECHEANCE:
                return (
                    f"échéance au {date_fr(datetime.date.fromisoformat(self.valeur))}"
                    if self.valeur
                    else "sans échéance"
                )
        raise AssertionError(self.champ)

    def after(self, fiche: FicheAction) -> Etat:
        """What ``fiche`` would say; ``state_of`` gives what it says."""
        match self.champ:
            case Champ.AVANCEMENT:
                fin = (
                    (self.fin_reelle or timezone.localdate()) if self.valeur == Avancement.REALISEE else None
                )
                motif = self.motif if self.valeur == Avancement.ABANDONNEE else ""
                return [self.valeur, motif, fin.isoformat() if fin else ""]
            case Champ.PILOTE:
                asked = [self.compte.pk if self.compte else None, "" if self.compte else self.valeur, ""]
                rows = state_of(fiche, self.champ)
                same = [row for row in rows if _same_pilote(row, asked)]
                if self.remplace:
                    return same[:1] or [asked]
                return rows if same else [*rows, asked]
        return self.valeur


def _same_pilote(row: list[Any], other: list[Any]) -> bool:
    if row[0] or other[0]:
        return bool(row[0] == other[0])
    return key_of_name(row[1]) == key_of_name(other[1])


def state_of(fiche: FicheAction, champ: str) -> Etat:
    match champ:
        case Champ.AVANCEMENT:
            return [
                fiche.avancement,
                fiche.motif_abandon,
                fiche.fin_reelle.isoformat() if fiche.fin_reelle else "",
            ]
        case Champ.PRIORITE:
            return fiche.priorite
        case Champ.ECHEANCE:
            return fiche.echeance.isoformat() if fiche.echeance else ""
        case Champ.PILOTE:
            return [_said(row) for row in fiche.pilotes.all()]
    raise AssertionError(champ)


def _said(pilote: Pilote) -> list[Any]:
    return [pilote.user_id, "" if pilote.user_id else pilote.nom, pilote.fonction]


def said(etat: Etat, champ: str, noms: dict[int, str]) -> str:
    """A state in words; ``noms`` names the accounts."""
    match champ:
        case Champ.AVANCEMENT:
            return str(Avancement(etat[0]).label)
        case Champ.PRIORITE:
            return str(FicheAction.Priorite(etat).label) if etat else "Non fixée"
        case Champ.ECHEANCE:
            return date_fr(datetime.date.fromisoformat(etat)) if etat else "Sans échéance"
    return ", ".join(noms.get(row[0], "compte fermé") if row[0] else row[1] for row in etat) or "Sans pilote"


@dataclass
class LigneApercu:
    fiche: FicheAction
    avant: Etat
    apres: Etat
    refus: str = ""

    @property
    def change(self) -> bool:
        return not self.refus and self.avant != self.apres


def closed(fiche: FicheAction, champ: str, *, by: User) -> str:
    """Why ``by`` cannot change this field of a loaded fiche now, in a sentence; empty when they may."""
    permission, section = DROITS[Champ(champ)]
    if not by.has_perm(permission, fiche):
        if by.has_perm("actions.write_ficheaction", fiche):
            return f"La fiche est «\u00a0{fiche.get_redaction_display().lower()}\u00a0»\u00a0: ce champ n’y change pas."
        return "Vous ne pouvez pas modifier cette fiche."
    complements = complements_of(fiche) if section else None
    return complements.refus(section) if complements and complements.is_locked(section) else ""


def out_of_order(fiche: FicheAction, champ: str, etat: Etat) -> str:
    """Why the dates of ``fiche`` do not let it say ``etat``, in a sentence; empty when they do."""
    match champ:
        case Champ.AVANCEMENT:
            nom, jour = "La fin réelle", etat[2]
        case Champ.ECHEANCE:
            nom, jour = "L’échéance", etat
        case _:
            return ""
    if fiche.debut and jour and datetime.date.fromisoformat(jour) < fiche.debut:
        return f"{nom} précéderait le début, le {date_fr(fiche.debut)}."
    return ""


def refusal(fiche: FicheAction, changement: Changement, *, by: User) -> str:
    """Why ``by`` cannot make this change to a loaded fiche, in a sentence; empty when nothing stands in the way."""
    if refus := closed(fiche, changement.champ, by=by):
        return refus
    try:
        if changement.champ == Champ.AVANCEMENT:
            if fiche.avancement == changement.valeur:
                return ""
            fiche.check_avancement(
                changement.valeur, motif=changement.motif, fin_reelle=changement.fin_reelle
            )
            return ""
    except TransitionError as moved:
        return str(moved)
    return out_of_order(fiche, changement.champ, changement.after(fiche))


def preview(fiches: Iterable[FicheAction], changement: Changement, *, by: User) -> list[LigneApercu]:
    """What the change would do to each fiche; nothing is written."""
    found = []
    for fiche in fiches:
        avant = state_of(fiche, changement.champ)
        apres = changement.after(fiche)
        if changement.champ == Champ.AVANCEMENT and fiche.avancement == changement.valeur:
            apres = avant
        found.append(LigneApercu(fiche, avant, apres, refusal(fiche, changement, by=by)))
    return found


def loaded(fiches: "models.QuerySet[FicheAction]") -> "models.QuerySet[FicheAction]":
    """``fiches`` with what the preview reads, in a constant number of queries."""
    return fiches.select_related("plan__convention__territoire", "axe", "objectif").prefetch_related(
        models.Prefetch("pilotes", Pilote.objects.select_related("user")),
        models.Prefetch("journal", with_sections(Transition.objects.select_related("by"))),
    )


class ChangementGroupeQuerySet(models.QuerySet["ChangementGroupe"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))


class FichesMovedError(TransitionError):
    """Fiches are no longer what the preview showed."""

    def __init__(self, fiches: Iterable[FicheAction]) -> None:
        names = ", ".join(f"«\u00a0{fiche}\u00a0»" for fiche in fiches)
        super().__init__(
            f"Depuis l’aperçu, quelqu’un a changé {names}\u00a0: rien n’a été écrit. Voici l’aperçu d’à présent."
        )


class ChangementGroupe(models.Model):
    """A bulk change that was made: what, by whom, on which fiches, and whether it was taken back."""

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="changements_groupes")
    champ = models.CharField("champ", max_length=10, choices=Champ)
    phrase = models.CharField("ce qui a été changé", max_length=400)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="par")
    created_at = models.DateTimeField("le", default=timezone.now, editable=False)
    annule_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False
    )
    annule_le = models.DateTimeField("annulé le", null=True, editable=False)

    objects = ChangementGroupeQuerySet.as_manager()

    class Meta:
        verbose_name = "changement groupé"
        verbose_name_plural = "changements groupés"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="changementgroupe_annule_par_quelqu_un",
                condition=models.Q(annule_le=None, annule_par=None)
                | models.Q(annule_le__isnull=False, annule_par__isnull=False),
                violation_error_message="Un changement annulé dit par qui et quand.",
            )
        ]

    def __str__(self) -> str:
        return self.phrase

    @staticmethod
    def told(groupes: "Iterable[ChangementGroupe]", *, to: User) -> None:
        """Give each its ``dites``: (fiche, before, after, in words) of the fiches that ``to`` reads. Two queries."""
        groupes = list(groupes)
        visible = FicheAction.objects.visible_to(to).values("pk")
        lignes = list(
            LigneChangement.objects.filter(groupe__in=groupes, fiche__in=visible)
            .select_related("fiche__plan__convention")
            .order_by("pk")
        )
        champs = {groupe.pk: groupe.champ for groupe in groupes}
        named = {
            row[0]
            for ligne in lignes
            if champs[ligne.groupe_id] == Champ.PILOTE
            for row in (*ligne.avant, *ligne.apres)
            if row[0]
        }
        noms = {user.pk: str(user) for user in User.objects.filter(pk__in=named)}
        for groupe in groupes:
            groupe.dites = [  # type: ignore[attr-defined]  # read by the page
                (ligne.fiche, said(ligne.avant, groupe.champ, noms), said(ligne.apres, groupe.champ, noms))
                for ligne in lignes
                if ligne.groupe_id == groupe.pk
            ]

    @classmethod
    @transaction.atomic
    def make(
        cls,
        convention: Convention,
        fiches: "models.QuerySet[FicheAction]",
        changement: Changement,
        *,
        seen: dict[int, Etat],
        by: User,
    ) -> "ChangementGroupe":
        """Change every fiche of ``fiches`` that the change changes, or none.

        ``seen`` maps a fiche to the state that the preview showed; ``TransitionError`` when one moved since, when one is
        refused, or when there is nothing to change.
        """
        locked = list(loaded(fiches.order_by("pk")).select_for_update(of=("self",)))
        lignes = preview(locked, changement, by=by)
        if moved := [ligne.fiche for ligne in lignes if seen.get(ligne.fiche.pk, ...) != ligne.avant]:
            raise FichesMovedError(moved)
        if len(lignes) != len(seen):
            raise TransitionError(
                "Depuis l’aperçu, une fiche choisie a quitté le plan, ou ne répond plus aux filtres\u00a0: rien n’a été écrit. "
                "Voici l’aperçu d’à présent."
            )
        if refused := next((ligne for ligne in lignes if ligne.refus), None):
            raise TransitionError(f"«\u00a0{refused.fiche}\u00a0»\u00a0: {refused.refus} Rien n’a été écrit.")
        changed = [ligne for ligne in lignes if ligne.change]
        if not changed:
            raise TransitionError("Aucune fiche ne changerait\u00a0: rien n’a été écrit.")
        groupe = cls.objects.create(
            convention=convention, champ=changement.champ, phrase=str(changement)[:400], by=by
        )
        with pghistory.context(par=by.pk):
            for ligne in changed:
                _write(ligne.fiche, changement.champ, ligne.apres, by=by, motif=changement.motif)
        LigneChangement.objects.bulk_create(
            LigneChangement(groupe=groupe, fiche=ligne.fiche, avant=ligne.avant, apres=ligne.apres)
            for ligne in changed
        )
        if changement.compte:
            for ligne in changed:
                ligne.fiche.notifications.tell_pilotes(ligne.fiche, [changement.compte], by=by)
        return groupe

    @transaction.atomic
    def undo(self, *, by: User) -> tuple[int, list[str]]:
        """Give back what each fiche said; (how many, a sentence for each left as it is: which, and why).

        What ``by`` may not change now is left, as ``make`` would refuse it. ``TransitionError`` when nothing is given back.
        """
        self.refresh_from_db(from_queryset=ChangementGroupe.objects.select_for_update(of=("self",)))
        if self.annule_le:
            raise TransitionError("Ce changement a déjà été annulé.")
        lignes = {ligne.fiche_id: ligne for ligne in self.lignes.all()}
        fiches = loaded(FicheAction.objects.visible_to(by).filter(pk__in=lignes).order_by("pk"))
        comptes = self._comptes(lignes.values())
        done, left, read = 0, [], 0
        with pghistory.context(par=by.pk):
            for fiche in fiches.select_for_update(of=("self",)):
                read += 1
                ligne = lignes[fiche.pk]
                if refus := self._kept(fiche, ligne, comptes, by=by):
                    left.append(f"«\u00a0{fiche}\u00a0»\u00a0: {refus[:1].lower()}{refus[1:]}")
                    continue
                _write(fiche, self.champ, ligne.avant, by=by, motif="Changement groupé annulé.")
                done += 1
        if hidden := len(lignes) - read:
            left.append(f"{hidden} que vous ne lisez plus.")
        if not done:
            raise TransitionError(f"Rien n’a été annulé. {' '.join(left)}")
        self.annule_le, self.annule_par = timezone.now(), by
        self.save(update_fields=["annule_le", "annule_par"])
        return done, left

    def _comptes(self, lignes: "Iterable[LigneChangement]") -> set[int]:
        """The accounts named before, that are still there."""
        if self.champ != Champ.PILOTE:
            return set()
        named = {row[0] for ligne in lignes for row in ligne.avant if row[0]}
        return set(User.objects.filter(pk__in=named).values_list("pk", flat=True))

    def _kept(self, fiche: FicheAction, ligne: "LigneChangement", comptes: set[int], *, by: User) -> str:
        """Why a locked fiche stays as it is, in a sentence; empty when it may be given back."""
        if state_of(fiche, self.champ) != ligne.apres:
            return "Elle a changé depuis."
        if refus := closed(fiche, self.champ, by=by):
            return refus
        if self.champ == Champ.PILOTE and not {row[0] for row in ligne.avant if row[0]} <= comptes:
            return "Le compte d’un ancien pilote n’existe plus."
        return out_of_order(fiche, self.champ, ligne.avant)


def _write(fiche: FicheAction, champ: str, etat: Etat, *, by: User, motif: str) -> None:
    """Make a locked fiche say ``etat``; an avancement leaves its line in the journal."""
    match champ:
        case Champ.AVANCEMENT:
            avancement, motif_abandon, fin = etat
            fiche._journal(Transition.Champ.AVANCEMENT, fiche.avancement, avancement, by=by, motif=motif)
            fiche.avancement, fiche.motif_abandon = avancement, motif_abandon
            fiche.fin_reelle = datetime.date.fromisoformat(fin) if fin else None
            fiche.save(update_fields=["avancement", "motif_abandon", "fin_reelle", "updated_at"])
        case Champ.PRIORITE:
            fiche.priorite = etat
            fiche.save(update_fields=["priorite", "updated_at"])
        case Champ.ECHEANCE:
            fiche.echeance = datetime.date.fromisoformat(etat) if etat else None
            fiche.save(update_fields=["echeance", "updated_at"])
        case Champ.PILOTE:
            _write_pilotes(fiche, etat)
            fiche.save(update_fields=["updated_at"])


def _write_pilotes(fiche: FicheAction, etat: Etat) -> None:
    """Keep, make and remove rows until the fiche says ``etat``, in its order."""
    rows = list(fiche.pilotes.all())
    kept = []
    for user, nom, fonction in etat:
        found = next((row for row in rows if _said(row) == [user, nom, fonction]), None)
        if found:
            rows.remove(found)
        kept.append(found or Pilote(fiche=fiche, user_id=user, nom=nom, fonction=fonction))
    for row in rows:
        row.delete()
    for rank, row in enumerate(kept):
        if row.pk is None or row.ordre != rank:
            row.ordre = rank
            row.save()


class LigneChangement(models.Model):
    """A fiche of a bulk change, with what it said before and after."""

    groupe = models.ForeignKey(ChangementGroupe, models.CASCADE, related_name="lignes")
    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="changements_groupes")
    avant = models.JSONField("avant")
    apres = models.JSONField("après")

    class Meta:
        verbose_name = "ligne d’un changement groupé"
        verbose_name_plural = "lignes d’un changement groupé"
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.fiche)
