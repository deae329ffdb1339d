"""The access table: every route, the address it is tried at, and who gets in.

``Row.allowed`` names the visitors who get through (200, or a redirect after a POST). Of the others,
the anonymous are sent to log in; on a page inside a convention a stranger gets 404 and a member 403.
"""

from dataclasses import dataclass

from tests.world import MEMBERS

ALL = frozenset({"outsider", *MEMBERS})
# Open without an account.
EVERYONE = ALL | {"anonymous"}
MEMBER = frozenset(MEMBERS)
COORD = frozenset({"coordination"})
EDIT = frozenset({"coordination", "redaction"})
REVIEW = frozenset({"relecture"})
TALK = frozenset({"coordination", "redaction", "relecture"})
TEAM = frozenset({"coordination", "administration"})
DEPOSIT = frozenset({"coordination", "relecture"})
ADMIN = frozenset({"administration"})


@dataclass(frozen=True)
class Row:
    """``args`` are names in the world (``code`` is the convention's; an int or a plain string stands for itself)."""

    args: tuple[object, ...] = ()
    allowed: frozenset[str] = MEMBER
    method: str = "get"
    status: int = 200


def inside(*args: object, allowed: frozenset[str] = MEMBER, method: str = "get", status: int = 200) -> Row:
    return Row(("code", *args), allowed, method, status)


ROWS: dict[str, Row] = {
    "home": Row((), ALL),
    "portefeuille_xlsx": Row((), ALL),
    "composants": Row((), frozenset()),
    "convention_home": inside(),
    # conventions
    "conventions:list": Row((), ALL),
    "conventions:detail": inside(),
    "conventions:edit": inside("signataires", allowed=COORD),
    "conventions:organisation_add": inside(allowed=COORD),
    "conventions:move": inside("en_evaluation", allowed=COORD),
    "conventions:equipe": inside(),
    "conventions:habilitation_add": inside(allowed=TEAM),
    "conventions:habilitation_remove": inside("habilitation", allowed=TEAM),
    "conventions:theme": inside(),
    "conventions:logo": inside(allowed=frozenset()),
    "conventions:impression": inside("impression"),
    "conventions:impression_file": inside("impression"),
    "conventions:equipements": inside(),
    "conventions:equipements_export": inside("xlsx"),
    "conventions:equipement_add": inside(allowed=COORD),
    "conventions:equipement_edit": inside("equipement", allowed=COORD),
    "conventions:equipement_close": inside("equipement", allowed=COORD),
    "conventions:equipement_delete": inside("equipement", allowed=COORD),
    "conventions:offre_services": inside(),
    "conventions:importations": inside(),
    "conventions:importation": inside("importation"),
    "conventions:importation_add": inside("equipements", allowed=COORD),
    "conventions:importation_modele": inside("financements"),
    "conventions:importation_export": inside("financements"),
    "conventions:importation_answer": inside("importation", allowed=COORD, method="post", status=302),
    "conventions:importation_confirm": inside("importation", allowed=COORD, method="post", status=302),
    "conventions:importation_drop": inside("importation", allowed=COORD, method="post", status=302),
    "conventions:article_add": inside(allowed=COORD),
    "conventions:articles_order": inside(allowed=COORD),
    "conventions:articles_restore": inside(allowed=COORD),
    "conventions:article_edit": inside("article", allowed=COORD),
    "conventions:article_remove": inside("article", allowed=COORD),
    "conventions:etat": inside("beneficiaire"),
    "conventions:etat_pdf": inside("beneficiaire"),
    "conventions:etat_xlsx": inside("beneficiaire"),
    "conventions:signatures": inside(),
    "conventions:signature_edit": inside("signataire", allowed=COORD),
    "conventions:avenant_add": inside(allowed=COORD),
    "conventions:avenant": inside("avenant"),
    "conventions:avenant_edit": inside("avenant", allowed=COORD),
    "conventions:avenant_sign": inside("avenant", allowed=COORD),
    "conventions:avenant_abandon": inside("avenant", allowed=COORD),
    "conventions:documents": inside(),
    "conventions:document_add": inside(allowed=DEPOSIT),
    "conventions:document": inside("depose"),
    "conventions:document_file": inside("depose"),
    "conventions:document_edit": inside("depose", allowed=COORD),
    "conventions:document_replace": inside("depose", allowed=COORD),
    "conventions:document_withdraw": inside("depose", allowed=COORD),
    "conventions:document_restore": inside("depose", allowed=COORD, method="post", status=302),
    "conventions:publications": Row(("code",), EVERYONE),
    "conventions:publication_file": Row(("code", "depose"), EVERYONE),
    "conventions:calendrier": inside(),
    "conventions:contrat_add": inside(allowed=COORD),
    "conventions:start": Row((), ADMIN),
    "conventions:create": Row(("siren",), ADMIN),
    "conventions:organisations": Row(),
    "conventions:organisation": Row(("organisation",)),
    "conventions:organisation_edit": Row(("organisation",), COORD),
    "conventions:organisation_logo": Row(("organisation",), frozenset()),
    "conventions:mandats": Row(("organisation",), COORD),
    "conventions:doublons": Row(),
    "conventions:fusion_search": Row(("organisation",), ADMIN),
    "conventions:fusion": Row(("organisation", "doublon"), ADMIN),
    "conventions:fusion_undo": Row(("fusion",), ADMIN),
    # diagnostics
    "diagnostics:detail": inside(),
    "diagnostics:start": inside(allowed=COORD, method="post", status=302),
    "diagnostics:edit": inside("synthese", allowed=COORD),
    "diagnostics:move": inside("partage", allowed=COORD),
    "diagnostics:atelier_add": inside(allowed=COORD),
    "diagnostics:atelier_edit": inside("atelier", allowed=COORD),
    "diagnostics:atelier_delete": inside("atelier", allowed=COORD),
    "diagnostics:constat_add": inside(allowed=COORD),
    "diagnostics:constat_edit": inside("constat", allowed=COORD),
    "diagnostics:constat_delete": inside("constat", allowed=COORD),
    "diagnostics:enjeu_add": inside(allowed=COORD),
    "diagnostics:enjeu_edit": inside("enjeu", allowed=COORD),
    "diagnostics:enjeu_delete": inside("enjeu", allowed=COORD),
    "diagnostics:portrait": inside(),
    "diagnostics:communes": inside(),
    "diagnostics:communes_export": inside("xlsx"),
    "diagnostics:valeurs": inside(),
    "diagnostics:valeur_add": inside(allowed=COORD),
    "diagnostics:valeur_edit": inside("valeur", allowed=COORD),
    "diagnostics:valeur_delete": inside("valeur", allowed=COORD),
    "diagnostics:chiffres_import": inside(allowed=COORD),
    "diagnostics:chiffres_colonnes": inside("chiffres", allowed=COORD),
    # actions
    "actions:mes_fiches": Row((), ALL),
    "actions:a_relire": Row((), ALL),
    "actions:plan": inside(),
    "actions:plan_start": inside(allowed=COORD, method="post", status=302),
    "actions:plan_edit": inside(allowed=COORD),
    "actions:plan_move": inside("soumis", allowed=COORD),
    "actions:plan_pdf": inside(),
    "actions:fiches": inside(),
    "actions:fiche_add": inside(allowed=COORD),
    "actions:fiche": inside("fiche"),
    "actions:fiche_pdf": inside("fiche"),
    "actions:fiche_edit": inside("fiche", "contexte", allowed=EDIT),
    "actions:fiche_submit": inside("fiche", allowed=EDIT),
    "actions:fiche_ask_completion": inside("en_relecture", allowed=REVIEW),
    "actions:fiche_validate": inside("en_relecture", allowed=REVIEW),
    "actions:fiche_reopen": inside("validee", allowed=frozenset({"coordination", "relecture"})),
    "actions:etapes_edit": inside("fiche", allowed=EDIT),
    "actions:fiche_archive": inside("fiche", allowed=COORD),
    "actions:fiche_restore": inside("archivee", allowed=COORD),
    "actions:fiche_avancement": inside("fiche", allowed=EDIT),
    "actions:fiche_place": inside("fiche", allowed=COORD),
    "actions:note_add": inside("fiche", allowed=EDIT),
    "actions:bilan_edit": inside("fiche", 2026, allowed=EDIT),
    "actions:commentaire_add": inside("fiche", allowed=TALK),
    "actions:commentaire_resolve": inside("commentaire", allowed=TALK),
    "actions:indicateur_edit": inside("indicateur", allowed=EDIT),
    "actions:axe_add": inside(allowed=COORD),
    "actions:axe_edit": inside("axe", allowed=COORD),
    "actions:axe_delete": inside("axe", allowed=COORD),
    "actions:objectif_add": inside("axe", allowed=COORD),
    "actions:objectif_edit": inside("objectif", allowed=COORD),
    "actions:objectif_delete": inside("objectif", allowed=COORD),
    "actions:contrats": inside(),
    "actions:contrat": inside("contrat"),
    "actions:contrat_fiches": inside("contrat", allowed=COORD),
    "actions:financements": inside(),
    "actions:exercice_open": inside(allowed=COORD),
    "actions:exercice": inside(2022, allowed=COORD),
    # governance
    "governance:detail": inside(),
    "governance:instance": inside("instance"),
    "governance:instance_add": inside(allowed=COORD),
    "governance:instance_edit": inside("instance", allowed=COORD),
    "governance:reunion_add": inside("instance", allowed=COORD),
    "governance:reunion": inside("reunion"),
    "governance:reunion_edit": inside("reunion", allowed=COORD),
    "governance:reunion_move": inside("reunion", "convoquee", allowed=COORD),
    "governance:reunion_notes": inside("tenue", allowed=COORD),
    "governance:agenda_edit": inside("reunion", allowed=COORD),
    "governance:decision_add": inside("tenue", allowed=COORD),
    "governance:decision": inside("decision"),
    "governance:decision_complete": inside("decision", allowed=COORD),
    "governance:register": inside(),
    "governance:dossier_preview": inside("reunion"),
    "governance:dossier_issue": inside("reunion", allowed=COORD, method="post", status=302),
    "governance:documents": inside(),
    "governance:document": inside("document"),
    "governance:document_file": inside("document"),
    "governance:convention_texte": inside(),
    "governance:convention_docx": inside(),
    "governance:convention_pdf": inside(method="post", status=302),
    "governance:avenant_texte": inside("avenant"),
    "governance:avenant_docx": inside("avenant"),
    "governance:avenant_pdf": inside("avenant", method="post", status=302),
    "governance:contrat_rapport": inside("contrat"),
    "governance:contrat_rapport_pdf": inside("contrat", method="post", status=302),
    "governance:agenda": Row((), ALL),
    "governance:agenda_open": Row((), ALL, "post", 302),
    "governance:agenda_renew": Row((), ALL),
    "governance:agenda_revoke": Row((), ALL),
    "governance:flux": Row(("cle_agenda",), EVERYONE),
    "governance:elus": inside(allowed=COORD),
    "governance:elus_organisation": Row(("organisation",), COORD),
}

# allauth's own pages: what an anonymous visitor gets, and a person who is logged in.
ACCOUNT: dict[str, tuple[tuple[object, ...], int, int]] = {
    "account_login": ((), 200, 302),
    "account_logout": ((), 302, 200),
    "account_inactive": ((), 200, 200),
    "account_signup": ((), 200, 302),
    "account_reauthenticate": ((), 302, 200),
    "account_email": ((), 302, 200),
    "account_email_verification_sent": ((), 200, 200),
    "account_confirm_email": (("clef-inconnue",), 200, 200),
    "account_change_password": ((), 302, 200),
    "account_set_password": ((), 302, 302),
    "account_reset_password": ((), 200, 200),
    "account_reset_password_done": ((), 200, 200),
    "account_reset_password_from_key": (("abc", "set-password"), 200, 200),
    "account_reset_password_from_key_done": ((), 200, 200),
    "account_confirm_login_code": ((), 302, 302),
}
