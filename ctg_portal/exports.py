"""Everything about one convention in one document: see ``docs/export.md`` for its fields, units and codes."""

import datetime
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import Model, Prefetch

from actions.models import Avis, Axe, FicheAction, PlanActions, SuiteReserve
from conventions.models import (
    Avenant,
    Convention,
    Financement,
    Organisation,
    tableaux_financements,
)
from ctg_portal.models import User
from diagnostics.models import Diagnostic, Questionnaire, Valeur, resultats_of
from governance.models import Decision

FORMAT = "ctg-portal/convention"
VERSION = 1


def _value(value: Any) -> Any:
    """Amounts and measures as decimal strings, days and moments in ISO 8601 (moments in UTC)."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat(timespec="seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def _pick(row: Model, *names: str) -> dict[str, Any]:
    return {name: _value(getattr(row, name)) for name in names}


def _organisation(organisation: Organisation | None) -> dict[str, Any] | None:
    if organisation is None:
        return None
    return {
        "nom": organisation.nom,
        "nature": organisation.nature,
        "siren": organisation.siren or None,
    }


def _person(user: User | None, nom: str = "") -> str | None:
    """The name of an account, never its address."""
    return (user.nom if user else nom) or None


def _refs(kind: str, rows: Iterable[Model]) -> dict[int, str]:
    """References that last as long as the order of the rows: « fiche-1 », « fiche-2 »…"""
    return {row.pk: f"{kind}-{rank}" for rank, row in enumerate(rows, start=1)}


def export_convention(convention: Convention) -> dict[str, Any]:
    """The whole convention as plain values, in a stable order; no e-mail address of a person."""
    territoire = convention.territoire
    diagnostic = Diagnostic.objects.filter(convention=convention).first()
    refs = {
        "enjeu": _refs("enjeu", diagnostic.enjeux.all() if diagnostic else []),
        "constat": _refs("constat", diagnostic.constats.all() if diagnostic else []),
        "fiche": _refs("fiche", FicheAction.objects.filter(plan__convention=convention).in_plan_order()),
    }
    return {
        "format": FORMAT,
        "version": VERSION,
        "convention": {
            **_pick(
                convention,
                *("code", "nature", "numero", "intitule", "debut", "fin", "duree_motif", "signee_le"),
                *("horizon_projet", "statut", "presentation", "avertissement"),
            ),
            "domaines": [domaine.code for domaine in convention.domaines.all()],
            "precedente": convention.precedente.code if convention.precedente else None,
            "principale": convention.principale.code if convention.principale else None,
            "contrats_lies": [row.code for row in convention.contrats_lies.order_by("debut", "code")],
        },
        "territoire": {
            **_pick(territoire, "siren", "nom", "nature", "population", "millesime"),
            "departement": territoire.departement.code,
            "communes": [
                _pick(row, "code", "nom", "population") for row in territoire.communes.order_by("code")
            ],
        },
        "signataires": [
            {
                "organisation": _organisation(row.organisation),
                **_pick(
                    row, "representant", "fonction", "deliberation_numero", "deliberation_date", "signe_le"
                ),
                "copie": row.copie and row.copie.sha256,
                "ajoute_par": row.ajoute_par and row.ajoute_par.numero,
                "retire_par": row.retire_par and row.retire_par.numero,
            }
            for row in convention.signataires.for_page()
        ],
        "avenants": [
            _avenant(row)
            for row in convention.avenants.for_list().prefetch_related("signataires_retires__organisation")
        ],
        "partenaires": [
            {"organisation": _organisation(row.organisation), "role": row.role}
            for row in convention.partenaires.select_related("organisation")
        ],
        "phases": [
            _pick(row, "nature", "precision", "debut_prevu", "fin_prevue", "debut_reel", "fin_reelle")
            for row in convention.phases.all()
        ],
        "equipements": _equipements(convention),
        "financements": _financements(convention, refs),
        "chiffres": [
            {
                "indicateur": row.indicateur.code,
                **_pick(row, "niveau", "code", "annee", "valeur", "absence", "source"),
            }
            for row in Valeur.objects.filter(territoire=territoire).select_related("indicateur")
        ],
        "diagnostic": diagnostic and _diagnostic(diagnostic, refs),
        "plan": _plan(convention, refs),
        "fiches_partagees": [
            {"convention": row.plan.convention.code, **_pick(row, "code", "intitule")}
            for row in convention.fiches_partagees.select_related("plan__convention").in_plan_order()
        ],
        "gouvernance": _gouvernance(convention, refs),
        "documents_deposes": [
            {
                **_pick(row, "nature", "titre", "date", "visibilite", "version", "nom_fichier", "type_mime"),
                **_pick(row, "taille", "sha256", "created_at", "retire_le"),
                "remplace": row.remplace and row.remplace.sha256,
                "auteur": _person(row.auteur),
            }
            for row in convention.documents_deposes.select_related("auteur", "remplace").order_by(
                "created_at", "pk"
            )
        ],
    }


def _avenant(avenant: Avenant) -> dict[str, Any]:
    return {
        **_pick(avenant, "numero", "objet", "texte", "statut", "signe_le", "nouveau_debut", "nouvelle_fin"),
        **_pick(avenant, "duree_motif", "modification_plan", "avant"),
        "domaines_ajoutes": [row.code for row in avenant.domaines_ajoutes.all()],
        "domaines_retires": [row.code for row in avenant.domaines_retires.all()],
        "organisations_ajoutees": [_organisation(row) for row in avenant.organisations_ajoutees.all()],
        "signataires_retires": [_organisation(row.organisation) for row in avenant.signataires_retires.all()],
        "copie": avenant.copie and avenant.copie.sha256,
    }


def dump_convention(convention: Convention) -> str:
    """``export_convention`` as JSON text: the same content gives the same bytes."""
    return json.dumps(export_convention(convention), ensure_ascii=False, indent=2) + "\n"


def _equipements(convention: Convention) -> list[dict[str, Any]]:
    """The register of the territoire, closed ones too: it is common to its conventions."""
    return [
        {
            "type": {"code": row.type.code, "famille": row.type.famille},
            **_pick(row, "nom", "adresse", "capacite", "ouverture", "agrement"),
            "commune": row.commune_id,
            "gestionnaire": _organisation(row.gestionnaire),
            **_pick(row, "cof_numero", "cof_debut", "cof_fin", "ouvert_le", "ferme_le", "observations"),
        }
        for row in convention.territoire.equipements.for_list()
    ]


def _fiche_payee(row: Financement, refs: dict[str, dict[int, str]]) -> dict[str, Any] | None:
    """The fiche that a line pays; ``ref`` is ``None`` when it is of the plan of another convention."""
    imputation = getattr(row, "imputation", None)
    if imputation is None:
        return None
    return {"ref": refs["fiche"].get(imputation.fiche_id), "code": imputation.fiche.code}


def _financements(convention: Convention, refs: dict[str, dict[int, str]]) -> dict[str, Any]:
    montants = ("prevu", "notifie", "verse")
    rows = list(
        convention.financements.for_grid().order_by(
            "exercice", "dispositif__groupe", "dispositif__ordre", "beneficiaire__nom", "objet", "pk"
        )
    )
    return {
        "lignes": [
            {
                "exercice": row.exercice,
                "financeur": _organisation(row.financeur),
                "dispositif": {"code": row.dispositif.code, "groupe": row.dispositif.groupe},
                "beneficiaire": _organisation(row.beneficiaire),
                "equipement": row.equipement.nom if row.equipement else None,
                "fiche": _fiche_payee(row, refs),
                **_pick(row, "objet", *montants, "reference_cof", "source"),
            }
            for row in rows
        ],
        "totaux": [
            {
                "exercice": tableau.exercice,
                "par_groupe": {
                    groupe.groupe.value: {m: _value(getattr(groupe.total, m)) for m in montants}
                    for groupe in tableau.groupes
                },
                "par_beneficiaire": [
                    {
                        "beneficiaire": ligne.organisation.nom,
                        **{m: _value(getattr(ligne.total, m)) for m in montants},
                    }
                    for ligne in tableau.beneficiaires
                ],
                "total": {m: _value(getattr(tableau.total, m)) for m in montants},
            }
            for tableau in tableaux_financements(rows)
        ],
    }


def _diagnostic(diagnostic: Diagnostic, refs: dict[str, dict[int, str]]) -> dict[str, Any]:
    return {
        **_pick(diagnostic, "annee", "statut", "synthese", "methode", "portrait", "offre_services"),
        "paroles_terrain": diagnostic.paroles_terrain,
        "ateliers": [
            {
                **_pick(row, "intitule", "date", "lieu", "participants", "synthese"),
                "theme": row.theme.code if row.theme else None,
                "organisations": sorted(organisation.nom for organisation in row.organisations.all()),
            }
            for row in diagnostic.ateliers.select_related("theme").prefetch_related("organisations")
        ],
        "paroles": [
            {
                **_pick(row, "texte", "locuteur", "origine"),
                "theme": row.theme.code if row.theme else None,
                "atelier": row.atelier.intitule if row.atelier else None,
            }
            for row in diagnostic.paroles.select_related("theme", "atelier")
        ],
        "questionnaires": [_questionnaire(row) for row in diagnostic.questionnaires.all()],
        "constats": [
            {
                "ref": refs["constat"][row.pk],
                **_pick(row, "nature", "intitule", "elements"),
                "theme": row.theme.code if row.theme else None,
                "preuves": row.preuves_dites,
            }
            for row in diagnostic.constats.with_preuves_dites()
        ],
        "enjeux": [
            {
                "ref": refs["enjeu"][row.pk],
                **_pick(row, "intitule", "texte", "portee"),
                "constats": [refs["constat"][constat.pk] for constat in row.constats.all()],
            }
            for row in diagnostic.enjeux.prefetch_related("constats")
        ],
    }


def _questionnaire(questionnaire: Questionnaire) -> dict[str, Any]:
    """Questions and counts: neither an answer of one person, nor the key of the address."""
    resultats = resultats_of(questionnaire)
    return {
        **_pick(questionnaire, "intitule", "introduction", "destinataires", "ouvre_le", "ferme_le"),
        "nombre_reponses": resultats.nombre,
        "questions": [
            {
                **_pick(resultat.question, "intitule", "aide", "nature", "exigence"),
                "choix": resultat.question.choix_proposes,
                "repondants": resultat.repondants,
                "resultats": [{"reponse": ligne.label, "nombre": ligne.nombre} for ligne in resultat.lignes],
            }
            for resultat in resultats.questions
        ],
    }


def _plan(convention: Convention, refs: dict[str, dict[int, str]]) -> dict[str, Any] | None:
    plan = getattr(convention, "plan", None)
    if plan is None:
        return None
    fiches = list(FicheAction.objects.filter(plan=plan).in_plan_order().for_page())
    axes = []
    for axe in Axe.objects.filter(plan=plan).prefetch_related("objectifs__enjeux"):
        axes.append(
            {
                **_pick(axe, "code", "intitule", "enjeu_central"),
                "fiches": [refs["fiche"][f.pk] for f in fiches if f.axe_id == axe.pk and not f.objectif_id],
                "objectifs": [
                    {
                        **_pick(objectif, "code", "intitule"),
                        "enjeux": [refs["enjeu"][enjeu.pk] for enjeu in objectif.enjeux.all()],
                        "fiches": [refs["fiche"][f.pk] for f in fiches if f.objectif_id == objectif.pk],
                    }
                    for objectif in axe.objectifs.all()
                ],
            }
        )
    return {
        **_pick(plan, "version", "statut", "adopte_le", "introduction", "delai_avis"),
        "axes": axes,
        "fiches": [_fiche(fiche, refs) for fiche in fiches],
        "avis": [_avis(avis, refs) for avis in _avis_of(plan)],
    }


def _avis_of(plan: PlanActions) -> list[Avis]:
    suites = Prefetch("reserves__suites", SuiteReserve.objects.select_related("auteur"))
    rows = plan.avis.exclude(etat=Avis.Etat.RETIRE).order_by("demande_le", "pk")
    return list(rows.select_related("demande_par").prefetch_related("reserves", suites))


def _avis(avis: Avis, refs: dict[str, dict[int, str]]) -> dict[str, Any]:
    """Until it is signed, an avis is the CAF's own draft: that it is expected is all that leaves."""
    said = _pick(avis, "sens", "texte", "signataire", "fonction", "signe_le")
    return {
        "fiche": refs["fiche"].get(avis.fiche_id) if avis.fiche_id else None,
        **_pick(avis, "version", "etat", "demande_le", "echeance"),
        "demande_par": _person(avis.demande_par),
        **(said if avis.is_signe else dict.fromkeys(said)),
        "reserves": [
            {
                **_pick(reserve, "texte", "etat"),
                "suites": [
                    {**_pick(suite, "geste", "texte", "created_at"), "auteur": _person(suite.auteur)}
                    for suite in reserve.suites.all()
                ],
            }
            for reserve in avis.reserves.all()
        ]
        if avis.is_signe
        else [],
    }


def _fiche(fiche: FicheAction, refs: dict[str, dict[int, str]]) -> dict[str, Any]:
    return {
        "ref": refs["fiche"][fiche.pk],
        **_pick(
            fiche,
            *("code", "intitule", "redaction", "avancement", "motif_abandon", "soumise_le", "nature"),
            *("priorite", "confidentielle", "besoins", "dispositifs_existants", "objectif_general"),
            *("objectifs_specifiques", "changements_attendus", "modalites", "public_precisions"),
            *("effectif_attendu", "elu_referent", "referent_caf", "referent_msa", "equipe_projet"),
            *("moyens_humains", "etp", "moyens_materiels", "moyens_techniques", "debut", "echeance"),
            *("fin_reelle", "rythme", "methode_evaluation", "difficultes", "prochaines_etapes"),
        ),
        "domaines": [row.code for row in fiche.domaines.all()],
        "publics": [row.code for row in fiche.publics.all()],
        "cadres": sorted(row.code for row in fiche.cadres.all()),
        "communes": sorted(row.code for row in fiche.communes.all()),
        "enjeux": [refs["enjeu"][row.pk] for row in fiche.enjeux.all()],
        "constats": [refs["constat"][row.pk] for row in fiche.constats.all()],
        "structure_pilote": _organisation(fiche.structure_pilote),
        "pilotes": [
            {"nom": _person(row.user, row.nom), "fonction": row.fonction} for row in fiche.pilotes.all()
        ],
        "partenaires": [
            {"organisation": _organisation(row.organisation), "nom": row.nom, "role": row.role}
            for row in fiche.partenaires.all()
        ],
        "etapes": [
            _pick(row, "intitule", "responsable", "echeance", "faite_le") for row in fiche.etapes.all()
        ],
        "budget": [
            _pick(row, "annee", "nature", "intitule", "prevu", "realise") for row in fiche.lignes_budget.all()
        ],
        "financement": [
            {
                "financeur": _organisation(row.financeur),
                "dispositif": row.dispositif.code if row.dispositif else None,
                **_pick(row, "annee", "demande", "obtenu", "etat"),
            }
            for row in fiche.lignes_financement.all()
        ],
        "indicateurs": [
            {
                **_pick(row, "intitule", "nature", "unite", "valeur_initiale", "date_initiale"),
                **_pick(row, "cible", "echeance_cible"),
                "mesures": [
                    _pick(mesure, "annee", "valeur", "commentaire", "source") for mesure in row.mesures.all()
                ],
            }
            for row in fiche.indicateurs.all()
        ],
        "notes": [
            {**_pick(row, "date", "texte"), "auteur": _person(row.auteur)} for row in fiche.notes.all()
        ],
        "bilans": [
            _pick(
                row,
                *("annee", "realise", "ecarts", "faits_marquants", "perspectives", "atteinte", "suite"),
            )
            for row in fiche.bilans.all()
        ],
        "commentaires": [
            {
                **_pick(row, "section", "etat", "citation", "texte", "created_at", "modifie_le", "resolu_le"),
                "auteur": _person(row.auteur),
                "resolu_par": _person(row.resolu_par),
                "suites": [
                    {**_pick(suite, "geste", "texte", "created_at"), "auteur": _person(suite.auteur)}
                    for suite in row.suites.all()
                ],
            }
            # The notes of the CAF are not of the team's: this relation leaves them out.
            for row in fiche.commentaires.all()
        ],
        "journal": [
            {**_pick(row, "champ", "depuis", "vers", "motif", "created_at"), "par": _person(row.by)}
            for row in fiche.journal.all()
        ],
    }


def _gouvernance(convention: Convention, refs: dict[str, dict[int, str]]) -> dict[str, Any]:
    decisions = Decision.objects.filter(convention=convention).order_by("annee", "serie", "rang")
    return {
        "instances": [
            {
                **_pick(instance, "nature", "intitule", "role", "minimum_annuel"),
                "membres": [
                    {
                        "organisation": _organisation(row.organisation),
                        "nom": _person(row.user, row.nom),
                        **_pick(row, "fonction", "qualite", "voix"),
                    }
                    for row in instance.membres.select_related("organisation", "user")
                ],
                "reunions": [
                    {
                        **_pick(reunion, "debut", "duree", "lieu", "president", "secretaire", "statut"),
                        "notes": reunion.notes,
                        "presences": [
                            _pick(row, "structure", "fonction", "nom", "qualite", "voix", "reponse", "etat")
                            for row in reunion.presences.all()
                        ],
                        "ordre_du_jour": [
                            {
                                **_pick(point, "intitule", "visee", "rapporteur", "duree", "texte"),
                                "fiches": [
                                    refs["fiche"][row.pk]
                                    for row in point.fiches.all()
                                    if row.pk in refs["fiche"]
                                ],
                            }
                            for point in reunion.points.prefetch_related("fiches")
                        ],
                    }
                    for reunion in instance.reunions.order_by("debut", "pk")
                ],
            }
            for instance in convention.instances.all()
        ],
        "decisions": [
            {
                "numero": row.numero,
                **_pick(row, "nature", "texte", "responsable", "echeance", "realisee_le"),
                "effets": [
                    {
                        "fiche": refs["fiche"].get(effet.fiche_id),
                        **_pick(effet, "effet", "nouvelle_echeance", "avant", "apres"),
                    }
                    for effet in row.effets.all()
                ],
            }
            for row in decisions.prefetch_related("effets")
        ],
        "documents": [
            _pick(row, "nature", "titre", "version", "nom_fichier", "sha256", "taille", "pages", "emis_le")
            for row in convention.documents.prets().without_content().order_by("emis_le", "version", "pk")
        ],
    }
