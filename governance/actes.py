"""What a convention and an avenant say, as one ordered content that the page, the PDF and the Word file share.

It stands here because the annexes read the diagnostic, the plan and the instances. Confidential and archived fiches are
left out, for everybody alike: these documents leave the portal.
"""

import contextlib
import datetime
from collections import defaultdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from actions.documents import printable_fiches
from actions.models import Axe, FicheAction, IndicateurSuivi, Objectif, PlanActions
from conventions.models import (
    Avenant,
    Convention,
    Domaine,
    Equipement,
    Partenaire,
    Signataire,
    offre_services,
)
from conventions.operations.articles import Article, articles_of, reperes, resolve
from ctg_portal.contenu import Acte, Bloc, Colonne, Section, Tableau, Texte
from ctg_portal.documents import image_data
from ctg_portal.templatetags.portal import VIDE, date_fr, nombre, periode
from ctg_portal.word import render_docx
from diagnostics.models import Diagnostic
from governance.models import Instance, MembreInstance
from governance.sections_diagnostic import annexe_sections

MODELE = settings.BASE_DIR / "templates" / "conventions" / "docx" / "convention.docx"
POINTILLES = "……………………………"
"""Where a name is written by hand."""


def _printed(queryset: Any) -> Any:
    return queryset.select_related("organisation")


# The convention


def convention_acte(convention: Convention, articles: list[Article] | None = None) -> Acte:
    """The convention as it would be signed, or as it was, with its annexes. ``articles``: those already read."""
    signataires = list(_printed(convention.signataires.actuels()))
    around = _around(convention)
    values = reperes(convention, [row.organisation for row in signataires], around.noms_domaines)
    articles = articles_of(convention) if articles is None else articles
    sections = [
        _soussignes(signataires, list(_printed(convention.partenaires))),
        *_visas(convention, signataires),
        Section("Articles"),
        *(
            Section(
                f"Article {rank} – {article.titre}",
                2,
                [Texte(resolve(article.texte, values))],
                cle=article.cle,
            )
            for rank, article in enumerate(articles, start=1)
        ),
        _signatures(signataires, "Signatures"),
        *_diagnostic(getattr(around, "diagnostic", None)),
        *_equipements(convention),
        *_plan_et_indicateurs(convention, getattr(around, "plan", None)),
    ]
    return Acte(
        titre=f"{convention.get_nature_display()} – {convention.territoire.nom} – {convention.periode}",
        nom=convention.get_nature_display(),
        sous_titre=periode(convention.debut, convention.fin),
        mentions=[
            convention.intitule,
            *([f"Convention n° {convention.numero}"] if convention.numero else []),
            "Entre " + values["signataires"] if signataires else "Signataires à inscrire",
            *_horizon(convention),
            _etat(convention),
        ],
        sections=sections,
        auteur=convention.territoire.nom,
        avertissement=convention.avertissement,
    )


def _around(convention: Convention) -> Any:
    """The convention with its diagnostic, its plan and the names of its domaines (``noms_domaines``), in one query."""
    domaines = Domaine.objects.filter(conventions=OuterRef("pk")).order_by("ordre", "intitule")
    return (
        Convention.objects.select_related("diagnostic", "plan")
        .annotate(noms_domaines=ArraySubquery(domaines.values("intitule")))
        .get(pk=convention.pk)
    )


def _horizon(convention: Convention) -> list[str]:
    """The project may look further than the contract."""
    if convention.horizon_projet is None:
        return []
    return [f"Horizon du projet social de territoire : {date_fr(convention.horizon_projet)}"]


def _etat(convention: Convention) -> str:
    if convention.signee_le:
        return f"Signée le {date_fr(convention.signee_le)}"
    if convention.statut == Convention.Statut.PREPARATION:
        return "Projet"
    return "Date de signature non renseignée"


def _partie(signataire: Signataire) -> str:
    """« CC du Val, représentée par Mme X, présidente, en vertu de la délibération n° 12 du 3 mars 2026 »."""
    parts = [signataire.organisation.nom]
    representant = signataire.representant or POINTILLES
    parts.append(f"représentée par {representant}")
    if signataire.fonction:
        parts.append(signataire.fonction)
    if deliberation := _deliberation(signataire):
        parts.append(f"en vertu de la {deliberation}")
    return ", ".join(parts)


def _deliberation(signataire: Signataire) -> str:
    if not signataire.deliberation_numero and not signataire.deliberation_date:
        return ""
    numero = f" n° {signataire.deliberation_numero}" if signataire.deliberation_numero else ""
    date = f" du {date_fr(signataire.deliberation_date)}" if signataire.deliberation_date else ""
    return f"délibération{numero}{date}"


def _soussignes(signataires: list[Signataire], partenaires: list[Partenaire]) -> Section:
    blocs: list[Bloc] = []
    if signataires:
        lines = "\n".join(f"- {_partie(signataire)}" for signataire in signataires)
        blocs.append(Texte(f"{lines}\n\nCi-après « les signataires », il est convenu ce qui suit."))
    else:
        blocs.append(Texte("Les signataires ne sont pas encore inscrits."))
    if partenaires:
        lines = "\n".join(
            f"- {row.organisation.nom}" + (f" ({row.role})" if row.role else "") for row in partenaires
        )
        blocs.append(Texte(f"Sont associés à la convention, sans la signer :\n{lines}"))
    return Section("Entre les soussignés", 1, blocs, saut=True)


def _visas(convention: Convention, signataires: list[Signataire]) -> list[Section]:
    codes = ["le code de la sécurité sociale", "le code de l’action sociale et des familles"]
    visas = [*codes, "le code général des collectivités territoriales"]
    visas += [
        f"la {deliberation} ({signataire.organisation.nom})"
        for signataire in signataires
        if (deliberation := _deliberation(signataire))
    ]
    sections = [Section("Visas", 1, [Texte("\n".join(f"- Vu {visa}" for visa in visas))])]
    if convention.presentation:
        sections.append(Section("Préambule", 1, [Texte(convention.presentation)]))
    return sections


def _signatures(signataires: list[Signataire], titre: str, *, dates: bool = True) -> Section:
    colonnes = (
        Colonne("Signataire", 40),
        Colonne("Représentant et fonction", 30),
        Colonne("Date et signature", 30),
    )
    lignes = [
        [
            row.organisation.nom,
            "\n".join(filter(None, (row.representant, row.fonction))) or VIDE,
            f"signé le {date_fr(row.signe_le)}" if dates and row.signe_le else "",
        ]
        for row in signataires
    ]
    if not lignes:
        return Section(titre, 1, [Texte("Les signataires ne sont pas encore inscrits.")])
    introduction = "Fait en autant d’exemplaires que de signataires."
    tableau = Tableau("Qui signe, et la place de la signature", colonnes, lignes, hautes=True)
    return Section(titre, 1, [Texte(introduction), tableau], saut=True)


def _annexe(numero: int, titre: str, blocs: list[Bloc], vide: str = "") -> Section:
    """An annexe keeps its number even when there is nothing to put in it yet."""
    return Section(
        f"Annexe {numero} – {titre}",
        1,
        blocs or ([Texte(vide)] if vide else []),
        saut=True,
    )


def _diagnostic(diagnostic: Diagnostic | None) -> list[Section]:
    titre = "Diagnostic partagé"
    if diagnostic is None:
        return [_annexe(1, titre, [], "Le diagnostic n’est pas encore écrit.")]
    return [_annexe(1, titre, []), *annexe_sections(diagnostic)]


def _equipements(convention: Convention) -> list[Section]:
    offre = offre_services(convention.territoire)
    titre = "Équipements et offre de services"
    if not offre:
        return [_annexe(2, titre, [], "Aucun équipement n’est encore inscrit au registre du territoire.")]
    colonnes = (
        Colonne("Équipement ou service", 30),
        Colonne("Type", 20),
        Colonne("Commune", 15),
        Colonne("Gestionnaire", 20),
        Colonne("Capacité", 15),
    )
    return [
        _annexe(2, titre, []),
        *(
            Section(
                found.famille.label,
                2,
                [
                    Tableau(
                        f"{found.famille.label} : équipements et services",
                        colonnes,
                        [_equipement(row) for kind in found.types for row in kind.equipements],
                    )
                ],
            )
            for found in offre
        ),
    ]


def _equipement(row: Equipement) -> list[str]:
    capacite = "" if row.capacite is None else f"{nombre(row.capacite)} {row.type.unite_capacite}".strip()
    return [
        row.nom,
        row.type.intitule,
        row.commune.nom if row.commune else VIDE,
        row.gestionnaire.nom if row.gestionnaire else VIDE,
        capacite or VIDE,
    ]


def _plan_et_indicateurs(convention: Convention, plan: PlanActions | None) -> list[Section]:
    """Annexes 3 to 5: the plan, the instances in between, the indicators of the same fiches."""
    indicateurs = (
        IndicateurSuivi.objects.filter(fiche=OuterRef("pk"))
        .order_by("ordre", "pk")
        .values(
            row=JSONObject(
                intitule="intitule",
                unite="unite",
                depart="valeur_initiale",
                cible="cible",
                le="echeance_cible",
            )
        )
    )
    fiches = list(
        carried(convention)
        .in_plan_order()
        .select_related("plan", "axe", "objectif", "structure_pilote")
        .annotate(rows_indicateurs=ArraySubquery(indicateurs))
    )
    return [
        *_plan(plan, fiches),
        *_gouvernance(convention),
        _evaluation(fiches),
    ]


def carried(convention: Convention) -> Any:
    """The fiches a document of this convention prints: its own plan, or those that a linked contract carries too."""
    if convention.principale_id is None:
        return printable_fiches(convention)
    return FicheAction.objects.of_convention(convention).filter(confidentielle=False).actives()


def _plan(plan: PlanActions | None, fiches: list[FicheAction]) -> list[Section]:
    blocs: list[Bloc] = [Texte(plan.introduction)] if plan and plan.introduction else []
    by_place: dict[tuple[int, int | None], list[list[str]]] = defaultdict(list)
    for fiche in fiches:
        by_place[fiche.axe_id, fiche.objectif_id].append(
            [
                fiche.code or VIDE,
                fiche.intitule,
                fiche.structure_pilote.nom if fiche.structure_pilote else VIDE,
                date_fr(fiche.echeance),
            ]
        )
    objectifs = Objectif.objects.filter(axe=OuterRef("pk")).order_by("ordre", "pk")
    axes = Axe.objects.filter(plan=plan) if plan else Axe.objects.filter(fiches__in=fiches).distinct()
    named = axes.annotate(
        rows_objectifs=ArraySubquery(
            objectifs.values(row=JSONObject(pk="pk", code="code", intitule="intitule"))
        )
    )
    sections = []
    for axe in named:
        central: list[Bloc] = [Texte(axe.enjeu_central)] if axe.enjeu_central else []
        direct = by_place.get((axe.pk, None))
        # A linked contract names only the places where it carries something.
        under = [row for row in axe.rows_objectifs if plan or (axe.pk, row["pk"]) in by_place]
        if direct:
            central.append(_fiches_tableau(f"Actions de l’axe {axe.code}", direct))
        elif not under:
            central.append(Texte("Cet axe n’a pas encore d’action."))
        sections.append(Section(f"Axe {axe.code} – {axe.intitule}" if axe.code else axe.intitule, 2, central))
        for row in under:
            nom = f"{row['code']} {row['intitule']}".strip()
            lignes = by_place.get((axe.pk, row["pk"]))
            bloc: Bloc = (
                _fiches_tableau(f"Actions de l’objectif {row['code']}".strip(), lignes)
                if lignes
                else Texte("Cet objectif n’a pas encore d’action.")
            )
            sections.append(Section(nom, 3, [bloc]))
    vide = "" if sections else "Le plan d’actions n’est pas encore écrit."
    return [_annexe(3, "Plan d’actions", blocs, vide), *sections]


def _fiches_tableau(legende: str, lignes: list[list[str]]) -> Tableau:
    colonnes = (
        Colonne("N°", 10),
        Colonne("Action", 45),
        Colonne("Structure pilote", 25),
        Colonne("Échéance", 20),
    )
    return Tableau(legende, colonnes, lignes)


def _gouvernance(convention: Convention) -> list[Section]:
    membres = MembreInstance.objects.filter(instance=OuterRef("pk")).order_by(
        "ordre", "organisation__nom", "pk"
    )
    row = JSONObject(
        organisation="organisation__nom", fonction="fonction", nom="nom", qualite="qualite", voix="voix"
    )
    # A linked contract is steered by the instances of its CTG when it has none.
    owner = convention.principale_id or convention.pk
    instances = list(
        Instance.objects.filter(convention__in={owner, convention.pk}).annotate(
            rows_membres=ArraySubquery(membres.values(row=row))
        )
    )
    own = [instance for instance in instances if instance.convention_id == convention.pk]
    colonnes = (Colonne("Organisation", 40), Colonne("Fonction", 35), Colonne("Qualité et voix", 25))
    sections = []
    for instance in own or instances:
        blocs: list[Bloc] = [Texte(instance.role)] if instance.role else []
        if instance.minimum_annuel:
            times = "une fois" if instance.minimum_annuel == 1 else f"{instance.minimum_annuel} fois"
            blocs.append(Texte(f"Se réunit au moins {times} par an."))
        if lignes := [_membre(row) for row in instance.rows_membres]:
            blocs.append(Tableau(f"Membres : {instance.intitule}", colonnes, lignes))
        sections.append(Section(instance.intitule, 2, blocs))
    vide = "" if sections else "Les instances ne sont pas encore inscrites."
    return [_annexe(4, "Gouvernance", [], vide), *sections]


def _membre(row: dict[str, str]) -> list[str]:
    qualite = MembreInstance.Qualite(row["qualite"]).label
    voix = MembreInstance.Voix(row["voix"]).label.lower()
    nom = f"{row['fonction']} ({row['nom']})" if row["nom"] else row["fonction"]
    return [row["organisation"], nom, f"{qualite}, {voix}"]


def _evaluation(fiches: list[Any]) -> Section:
    """``fiches`` carry their ``rows_indicateurs``."""
    lignes = [
        [
            str(fiche),
            row["intitule"] + (f" ({row['unite']})" if row["unite"] else ""),
            nombre(row["depart"]),
            nombre(row["cible"]) + (f"\nle {_iso(row['le'])}" if row["le"] else ""),
        ]
        for fiche in fiches
        for row in fiche.rows_indicateurs
    ]
    colonnes = (
        Colonne("Action", 35),
        Colonne("Indicateur", 35),
        Colonne("Départ", 10, nombre=True),
        Colonne("Cible", 20, nombre=True),
    )
    blocs: list[Bloc] = [Tableau("Indicateurs de suivi", colonnes, lignes)] if lignes else []
    return _annexe(5, "Évaluation", blocs, "Les indicateurs ne sont pas encore choisis.")


def _iso(day: str) -> str:
    return date_fr(datetime.date.fromisoformat(day))


# An avenant


def avenant_acte(avenant: Avenant) -> Acte:
    """What an avenant changes, before → after; once signed, « before » is what it kept in ``avant``."""
    convention = avenant.convention
    retires = list(_printed(avenant.signataires_retires))
    ajoutees = list(avenant.organisations_ajoutees.all())
    actuels = list(_printed(convention.signataires.filter(retire_par=None)))
    # Those who take part: those of the convention, with who leaves and who comes.
    parties = actuels + [row for row in retires if row.pk not in {actuel.pk for actuel in actuels}]
    present = {row.organisation_id for row in parties}
    parties += [
        Signataire(convention=convention, organisation=organisation)
        for organisation in ajoutees
        if organisation.pk not in present
    ]
    changes: list[tuple[str, list[Bloc]]] = [
        *_article_periode(avenant),
        *_article_signataires(avenant, [row.organisation.nom for row in retires], ajoutees),
        *_article_domaines(avenant),
    ]
    if avenant.modification_plan:
        changes.append(("Plan d’actions", [Texte(avenant.modification_plan)]))
    numbered: list[tuple[str, list[Bloc]]] = [
        ("Objet de l’avenant", _objet(avenant)),
        *changes,
        (
            "Autres clauses",
            [
                Texte(
                    "Les autres clauses de la convention restent en vigueur, tant qu’elles ne sont pas contraires "
                    "au présent avenant, qui prend effet à la date de sa signature par le dernier signataire."
                )
            ],
        ),
    ]
    signee = f", signée le {date_fr(convention.signee_le)}" if convention.signee_le else ""
    visas = [f"la convention « {convention.intitule} »{signee}"]
    visas += [f"l’{row} à cette convention, signé le {date_fr(row.signe_le)}" for row in _before(avenant)]
    sections = [
        _soussignes(parties, []),
        Section("Visas", 1, [Texte("\n".join(f"- Vu {visa}" for visa in visas))]),
        Section("Articles"),
        *(
            Section(f"Article {rank} – {titre}", 2, blocs)
            for rank, (titre, blocs) in enumerate(numbered, start=1)
        ),
        _signatures(parties, "Signatures", dates=False),
    ]
    etat = {
        Avenant.Statut.PROJET.value: "Projet",
        Avenant.Statut.SIGNE.value: f"Signé le {date_fr(avenant.signe_le)}",
        Avenant.Statut.ABANDONNE.value: "Projet abandonné",
    }[avenant.statut]
    return Acte(
        titre=f"{avenant} – {convention.get_nature_display()} – {convention.territoire.nom}",
        nom=str(avenant),
        sous_titre=f"{convention.get_nature_display()} {convention.periode}",
        mentions=[convention.intitule, avenant.objet, etat],
        sections=sections,
        auteur=convention.territoire.nom,
        avertissement=convention.avertissement,
    )


def _before(avenant: Avenant) -> list[Avenant]:
    signed = avenant.convention.avenants.filter(statut=Avenant.Statut.SIGNE, numero__lt=avenant.numero)
    return list(signed)


def _objet(avenant: Avenant) -> list[Bloc]:
    blocs: list[Bloc] = [Texte(f"Le présent avenant a pour objet : {avenant.objet}")]
    return [*blocs, Texte(avenant.texte)] if avenant.texte else blocs


def _kept(avenant: Avenant, name: str, current: datetime.date) -> datetime.date:
    """The date before the avenant: the convention's, or what the signed avenant kept."""
    kept = avenant.avant.get(name) if isinstance(avenant.avant, dict) else None
    return datetime.date.fromisoformat(kept) if isinstance(kept, str) else current


AVANT_APRES = (Colonne("Ce qui change", 30), Colonne("Avant", 35), Colonne("Après", 35))


def _article_periode(avenant: Avenant) -> list[tuple[str, list[Bloc]]]:
    if not avenant.nouveau_debut and not avenant.nouvelle_fin:
        return []
    convention = avenant.convention
    debut, fin = (_kept(avenant, name, getattr(convention, name)) for name in ("debut", "fin"))
    lignes = [
        [titre, date_fr(before), date_fr(after)]
        for titre, before, after in (
            ("Début", debut, avenant.nouveau_debut),
            ("Fin", fin, avenant.nouvelle_fin),
        )
        if after
    ]
    apres = periode(avenant.nouveau_debut or debut, avenant.nouvelle_fin or fin)
    blocs: list[Bloc] = [
        Texte(f"La convention court désormais {apres}."),
        Tableau("Période de la convention", AVANT_APRES, lignes),
    ]
    if avenant.duree_motif:
        blocs.append(Texte(f"Motif de la durée : {avenant.duree_motif}"))
    return [("Période", blocs)]


def _article_signataires(
    avenant: Avenant, sortants: list[str], entrants: list[Any]
) -> list[tuple[str, list[Bloc]]]:
    lignes = [[nom, "signataire", "ne l’est plus"] for nom in sortants]
    lignes += [[organisation.nom, "ne l’est pas", "signataire"] for organisation in entrants]
    if not lignes:
        return []
    return [("Signataires", [Tableau("Signataires de la convention", AVANT_APRES, lignes)])]


def _article_domaines(avenant: Avenant) -> list[tuple[str, list[Bloc]]]:
    def names(domaines: Any) -> list[str]:
        return [domaine.intitule for domaine in domaines.all()]

    lignes = [[nom, "dans la convention", "retiré"] for nom in names(avenant.domaines_retires)]
    lignes += [[nom, "absent", "ajouté"] for nom in names(avenant.domaines_ajoutes)]
    if not lignes:
        return []
    return [("Domaines", [Tableau("Domaines de la convention", AVANT_APRES, lignes)])]


# Drawings


def acte_html(acte: Acte, convention: Convention, today: datetime.date | None = None) -> str:
    """The whole page that ``render_pdf`` draws."""
    return render_to_string(
        "conventions/pdf/acte.html",
        {
            "acte": acte,
            "titre": acte.titre,
            "territoire": convention.territoire,
            "logo": image_data(convention.territoire.logo),
            "date": today or timezone.localdate(),
        },
    )


def acte_docx(acte: Acte, convention: Convention) -> bytes:
    logo = convention.territoire.logo
    content = b""
    # A logo whose file is gone is left out: the words can still be worked on.
    with contextlib.suppress(FileNotFoundError):
        if logo:
            with logo.open("rb") as file:
                content = file.read()
    return render_docx(acte, Path(MODELE), logo=content)


def convention_filename(convention: Convention, extension: str, today: datetime.date | None = None) -> str:
    """« convention-ctg-cazals-salviac-2026-11-25.docx »."""
    return f"convention-{_suffixe(convention, today)}.{extension}"


def avenant_filename(avenant: Avenant, extension: str, today: datetime.date | None = None) -> str:
    """« avenant-1-ctg-cazals-salviac-2026-11-25.pdf »."""
    return f"avenant-{avenant.numero}-{_suffixe(avenant.convention, today)}.{extension}"


def _suffixe(convention: Convention, today: datetime.date | None) -> str:
    day = (today or timezone.localdate()).isoformat()
    return f"{slugify(convention.sigle)}-{slugify(convention.territoire.nom_court)}-{day}"
