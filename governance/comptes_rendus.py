"""The minutes: drafted from the notes, told once for page, Word and PDF, submitted, approved by both sides, then locked."""

from collections.abc import Collection
from typing import Any

import pghistory
from django.db import transaction
from django.db.models import Prefetch
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from conventions.models import Convention
from conventions.permissions import Role, roles_on
from ctg_portal.contenu import Acte, Bloc, Colonne, Section, Tableau, Texte
from ctg_portal.models import User
from ctg_portal.templatetags.portal import VIDE, date_fr, duree
from ctg_portal.workflow import TransitionError
from governance.actes import acte_html
from governance.diffusions import MINUTES
from governance.emissions import issue_document
from governance.models import (
    CompteRendu,
    DocumentEmis,
    EffetDecision,
    Envoi,
    PartieCompteRendu,
    Reouverture,
    Reunion,
    SuiteDecision,
    VisaCompteRendu,
)
from governance.models.composition import by_structure
from governance.reprises import AUTRES
from governance.seance import voices_in_room

Statut = CompteRendu.Statut
Cote = VisaCompteRendu.Cote
Sens = VisaCompteRendu.Sens
RIEN = "Aucune note n’a été prise sur ce point."


def cotes_held(roles: Collection[str]) -> list[str]:
    """In whose name these roles approve: the CAF for who reviews, the EPCI for its élus and the coordination."""
    cotes = []
    if Role.PILOTAGE in roles or Role.COORDINATION in roles:
        cotes.append(str(Cote.EPCI))
    if Role.RELECTURE in roles:
        cotes.append(str(Cote.CAF))
    return cotes


def cotes_of(user: User, convention: Convention) -> list[str]:
    """In whose name ``user`` may approve."""
    return cotes_held(roles_on(user, convention.pk))


@transaction.atomic
def draft_compte_rendu(reunion: Reunion, *, by: User) -> CompteRendu:
    """The minutes of the meeting, begun from its notes if there are none: one part a point. Asking twice begins once."""
    reunion = Reunion.objects.select_for_update(of=("self",)).get(pk=reunion.pk)
    found = CompteRendu.objects.filter(reunion=reunion).first()
    if found is not None:
        return found
    if not reunion.is_tenue:
        raise TransitionError(
            "Le compte rendu s’écrit une fois la réunion tenue\u00a0: closez d’abord la séance."
        )
    compte_rendu = CompteRendu.objects.create(reunion=reunion, auteur=by)
    parties = [
        PartieCompteRendu(
            compte_rendu=compte_rendu,
            point=point,
            titre=point.intitule,
            texte=point.notes,
            notes_reprises=point.notes,
        )
        for point in reunion.points.all()
    ]
    if reunion.notes:
        titre = AUTRES if parties else "Échanges"
        notes = reunion.notes
        parties.append(
            PartieCompteRendu(compte_rendu=compte_rendu, titre=titre, texte=notes, notes_reprises=notes)
        )
    for ordre, partie in enumerate(parties, start=1):
        partie.ordre = ordre
    PartieCompteRendu.objects.bulk_create(parties)
    return compte_rendu


def _decisions(reunion: Reunion) -> list[Any]:
    """Those of the meeting, for all its members alike: what touches a confidential fiche is left out."""
    effets = EffetDecision.objects.filter(fiche__confidentielle=False).select_related("fiche")
    return list(
        reunion.decisions.order_by("rang").prefetch_related(Prefetch("effets", effets, to_attr="effets_lus"))
    )


DECISIONS = (
    Colonne("Décision", 20),
    Colonne("Texte", 40),
    Colonne("Effet", 20),
    Colonne("Suite", 20),
)


def _tableau(decisions: list[Any], legende: str) -> Tableau:
    return Tableau(
        legende,
        DECISIONS,
        [
            [
                f"{decision.numero}\n{decision.get_nature_display()}",
                f"{decision.texte}\n{decision.prise}.",
                "\n".join(effet.phrase for effet in decision.effets_lus) or VIDE,
                "\n".join(
                    filter(
                        None,
                        (
                            decision.responsable,
                            f"pour le {date_fr(decision.echeance)}" if decision.echeance else "",
                        ),
                    )
                )
                or VIDE,
            ]
            for decision in decisions
        ],
    )


SUITES = (Colonne("Décision", 40), Colonne("Où l’on en est", 40), Colonne("Échéance", 20))


def _suites(reunion: Reunion) -> list[Section]:
    """What the meeting heard of earlier decisions, in the order in which it heard it; no section without any."""
    suites = list(reunion.suites.select_related("decision__convention").order_by("le", "pk"))
    if not suites:
        return []
    lignes = [
        [f"{suite.decision}\n{suite.decision.texte}", suite.texte, _echeance(suite)] for suite in suites
    ]
    return [Section("Suites des décisions", 1, [Tableau("Suites des décisions", SUITES, lignes)])]


def _echeance(suite: SuiteDecision) -> str:
    if suite.realisee:
        return "Réalisée"
    if suite.echeance_apres and suite.echeance_avant not in (None, suite.echeance_apres):
        return f"{date_fr(suite.echeance_apres)} (auparavant\u00a0: {date_fr(suite.echeance_avant)})"
    return date_fr(suite.echeance_apres or suite.echeance_avant)


def _seance(reunion: Reunion) -> Section:
    local = timezone.localtime
    faits = [
        ["Instance", reunion.instance.intitule],
        ["Date", f"{date_fr(reunion.debut)}, {local(reunion.debut):%H h %M}"],
        ["Lieu", reunion.lieu or reunion.lien or VIDE],
        ["Présidence", reunion.president or VIDE],
        ["Secrétariat", reunion.secretaire or VIDE],
    ]
    if reunion.ouverte_le and reunion.close_le:
        minutes = int((reunion.close_le - reunion.ouverte_le).total_seconds() // 60)
        faits.append(
            [
                "Séance",
                f"ouverte à {local(reunion.ouverte_le):%H h %M}, close à {local(reunion.close_le):%H h %M} ({duree(minutes)})",
            ]
        )
    colonnes = (Colonne("Rubrique", 30), Colonne("Valeur", 70))
    return Section("Séance", 1, [Tableau("Séance", colonnes, faits)], saut=True)


def _presences(reunion: Reunion) -> Section:
    presences = list(reunion.presences.select_related("pouvoir_a"))
    if not presences:
        return Section("Présences", 1, [Texte("La liste des personnes attendues n’a pas été établie.")])
    colonnes = (Colonne("Organisation", 30), Colonne("Personne", 40), Colonne("En séance", 30))
    lignes = []
    for structure, rows in by_structure(presences):
        for row in rows:
            who = f"{row.nom}\n{row.fonction}" if row.nom else row.fonction
            state = row.get_etat_display() or "non pointé·e"
            if row.etat == row.Etat.REPRESENTE and row.pouvoir_a:
                state = f"{state} par {row.pouvoir_a.nom or row.pouvoir_a.fonction}"
            lignes.append([structure or VIDE, who, state])
    voix = voices_in_room(reunion, presences)
    said = f"{voix.total} voix présentes ou représentées sur {voix.sieges}."
    if voix.quorum:
        said += f" Quorum de {voix.quorum} voix\u00a0: {'atteint' if voix.is_quorum else 'non atteint'}."
    return Section("Présences", 1, [Texte(said), Tableau("Personnes attendues", colonnes, lignes)])


def compte_rendu_acte(compte_rendu: CompteRendu, etat: str = "") -> Acte:
    """All that the minutes say, in the order of the meeting; ``etat`` is what their cover says of themselves."""
    reunion = compte_rendu.reunion
    decisions = _decisions(reunion)
    parties = list(compte_rendu.parties.all())
    by_point: dict[int | None, list[Any]] = {}
    for decision in decisions:
        by_point.setdefault(decision.point_id, []).append(decision)
    told: set[int] = set()
    sections = [_seance(reunion), _presences(reunion)]
    for partie in parties:
        blocs: list[Bloc] = [Texte(partie.texte or RIEN)]
        mine = by_point.get(partie.point_id, []) if partie.point_id else []
        if mine:
            told.update(decision.pk for decision in mine)
            blocs.append(_tableau(mine, f"Décisions\u00a0: {partie.titre}"))
        sections.append(Section(partie.titre, 1, blocs))
    rest = [decision for decision in decisions if decision.pk not in told]
    if rest:
        sections.append(Section("Autres décisions", 1, [_tableau(rest, "Autres décisions")]))
    sections += _suites(reunion)
    return _acte(reunion, "Compte rendu", sections, etat or compte_rendu.get_statut_display())


def releve_acte(reunion: Reunion, etat: str) -> Acte:
    """The decisions alone: what was decided, who does it, for when."""
    decisions = _decisions(reunion)
    bloc: Bloc = (
        _tableau(decisions, f"Décisions de la réunion du {date_fr(reunion.debut)}")
        if decisions
        else Texte("Cette réunion n’a pas pris de décision.")
    )
    sections = [_seance(reunion), Section("Décisions", 1, [bloc]), *_suites(reunion)]
    return _acte(reunion, "Relevé de décisions", sections, etat)


def _acte(reunion: Reunion, nom: str, sections: list[Section], etat: str) -> Acte:
    convention = reunion.instance.convention
    return Acte(
        titre=f"{nom} – {reunion} – {convention.territoire.nom}",
        nom=nom,
        sous_titre=f"{reunion.instance.intitule}, {date_fr(reunion.debut)}",
        mentions=[convention.intitule, etat],
        sections=sections,
        auteur=convention.territoire.nom,
        avertissement=convention.avertissement,
    )


def filename(reunion: Reunion, nom: str, extension: str, *, version: int = 0) -> str:
    """« compte-rendu-cazals-salviac-copil-2026-12-10-v1.pdf »."""
    territoire = slugify(reunion.instance.convention.territoire.nom_court)
    nature = slugify(reunion.instance.nature.replace("_", "-"))
    suffix = f"-v{version}" if version else ""
    return f"{slugify(nom)}-{territoire}-{nature}-{reunion.jour.isoformat()}{suffix}.{extension}"


def _freeze(reunion: Reunion, acte: Acte, nature: str, version: int, *, by: User) -> DocumentEmis:
    return issue_document(
        convention=reunion.instance.convention,
        reunion=reunion,
        nature=nature,
        titre=f"{acte.nom} – {reunion}",
        version=version,
        nom_fichier=filename(reunion, acte.nom, "pdf", version=version),
        html=render_to_string("governance/pdf/diagnostic.html", {"acte": acte}),
        source=acte_html(acte, reunion.instance.convention),
        by=by,
    )


def _lock(compte_rendu: CompteRendu) -> CompteRendu:
    Reunion.objects.select_for_update(of=("self",)).get(pk=compte_rendu.reunion_id)
    return CompteRendu.objects.for_page().get(pk=compte_rendu.pk)


@transaction.atomic
def submit(compte_rendu: CompteRendu, *, by: User) -> CompteRendu:
    """Freeze the minutes and the relevé as the next version, for the EPCI and the CAF to approve."""
    compte_rendu = _lock(compte_rendu)
    if not compte_rendu.is_redaction:
        raise TransitionError(
            f"Le compte rendu est déjà «\u00a0{compte_rendu.get_statut_display().lower()}\u00a0»."
        )
    if compte_rendu.reunion.statut != Reunion.Statut.TENUE:
        raise TransitionError("La réunion doit être «\u00a0tenue\u00a0» pour soumettre son compte rendu.")
    reunion = compte_rendu.reunion
    compte_rendu.statut = Statut.SOUMIS
    version = compte_rendu.document.version + 1 if compte_rendu.document else 1
    # What it is called does not change once it is approved: it is the same file.
    etat = f"Version {version} du {date_fr(timezone.localdate())}"
    compte_rendu.document = _freeze(
        reunion, compte_rendu_acte(compte_rendu, etat), DocumentEmis.Nature.COMPTE_RENDU, version, by=by
    )
    _freeze(reunion, releve_acte(reunion, etat), DocumentEmis.Nature.RELEVE, version, by=by)
    compte_rendu.save(update_fields=["statut", "document", "updated_at"])
    return compte_rendu


@transaction.atomic
def take_back(compte_rendu: CompteRendu) -> CompteRendu:
    """Write it again: what was submitted stays, its visas too, and the next version is approved anew.

    What was about to give it to the members stops.
    """
    compte_rendu = _lock(compte_rendu)
    if compte_rendu.statut not in (Statut.SOUMIS, Statut.APPROUVE):
        raise TransitionError("Ce compte rendu ne se reprend pas\u00a0: rouvrez d’abord la réunion.")
    compte_rendu.statut = Statut.REDACTION
    compte_rendu.save(update_fields=["statut", "updated_at"])
    _stop_sending(compte_rendu.reunion_id, "Le compte rendu a été repris.")
    return compte_rendu


def _stop_sending(reunion_id: int, why: str) -> None:
    """Stop what is leaving with a version of the minutes; ``why`` is said on its page, with what had already left."""
    leaving = Envoi.objects.filter(
        pk__in=Envoi.objects.leaving().filter(reunion=reunion_id, documents__nature__in=MINUTES).values("pk")
    )
    for envoi in leaving:
        envoi.give_up(f"{why} {envoi.already_gone()}")


@transaction.atomic
def give_visa(
    compte_rendu: CompteRendu,
    *,
    by: User,
    version: int,
    cote: str,
    sens: str,
    signataire: str,
    fonction: str = "",
    remarques: str = "",
) -> VisaCompteRendu:
    """What one side says of the ``version`` it read. Both approve: approved. One asks for a change: written again.

    Raise ``TransitionError`` when that version is no longer the one that waits, or has this side's word already.
    """
    compte_rendu = _lock(compte_rendu)
    document = compte_rendu.document
    if compte_rendu.statut != Statut.SOUMIS or document is None:
        raise TransitionError(
            f"Le compte rendu est maintenant «\u00a0{compte_rendu.get_statut_display().lower()}\u00a0»\u00a0: il n’attend pas d’avis."
        )
    if document.version != version:
        raise TransitionError(
            f"La version {document.version} a été soumise depuis que vous avez ouvert cette page\u00a0: relisez-la d’abord."
        )
    if cote not in cotes_of(by, compte_rendu.convention):
        raise TransitionError("Vous ne pouvez pas donner cet avis.")
    if document.visas.filter(cote=cote).exists():
        raise TransitionError("Cette version a déjà cet avis.")
    visa = VisaCompteRendu.objects.create(
        compte_rendu=compte_rendu,
        document=document,
        cote=cote,
        sens=sens,
        remarques=remarques,
        signataire=signataire,
        fonction=fonction,
        par=by,
    )
    given = set(document.visas.filter(sens=Sens.APPROUVE).values_list("cote", flat=True))
    if sens == Sens.REMARQUES:
        compte_rendu.statut = Statut.REDACTION
    elif given == set(Cote.values):
        compte_rendu.statut = Statut.APPROUVE
    compte_rendu.save(update_fields=["statut", "updated_at"])
    return visa


@transaction.atomic
def mark_sent(reunion: Reunion, *, by: User) -> None:
    """The approved minutes are with the members: they and the meeting are locked from now on."""
    reunion = Reunion.objects.select_for_update(of=("self",)).get(pk=reunion.pk)
    compte_rendu = CompteRendu.objects.filter(reunion=reunion).first()
    if compte_rendu is None or compte_rendu.statut != Statut.APPROUVE:
        raise TransitionError(
            "Un compte rendu se diffuse une fois approuvé par l’intercommunalité et par la CAF."
        )
    reunion.move_to(Reunion.Statut.DIFFUSEE, by=by)
    compte_rendu.statut, compte_rendu.diffuse_le = Statut.DIFFUSE, timezone.now()
    compte_rendu.save(update_fields=["statut", "diffuse_le", "updated_at"])


@transaction.atomic
def reopen(reunion: Reunion, *, motif: str, by: User) -> Reouverture:
    """Unlock a meeting whose minutes were sent: who, when and why stay written; what was sent stays what it was."""
    reunion = Reunion.objects.select_for_update(of=("self",)).get(pk=reunion.pk)
    if reunion.statut != Reunion.Statut.DIFFUSEE:
        raise TransitionError("Cette réunion n’est pas verrouillée.")
    reunion.statut = Reunion.Statut.TENUE
    with pghistory.context(par=by.pk, motif=motif):
        reunion.save(update_fields=["statut", "updated_at"])
    CompteRendu.objects.filter(reunion=reunion).update(statut=Statut.REDACTION, updated_at=timezone.now())
    _stop_sending(reunion.pk, "La réunion a été rouverte.")
    return Reouverture.objects.create(reunion=reunion, motif=motif, par=by)
