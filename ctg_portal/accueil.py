"""What the home of a convention says: what is expected of a person, and what calls for attention."""

import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.urls import reverse

from actions.models import Avis, FicheAction, Reserve
from actions.models.facettes import count_expected, read_lignes
from conventions.alertes import Alerte, alertes_de
from conventions.models import Convention
from conventions.permissions import Role
from ctg_portal.models import User
from governance.comptes_rendus import cotes_held
from governance.models import CompteRendu, Decision, Reunion


def a_faire(user: User, convention: Convention, roles: frozenset[str]) -> list[dict[str, object]]:
    """What is expected of ``user`` on ``convention``: dicts (``text``, ``url``, ``count``), most pressing first."""
    lignes_du_plan = read_lignes(FicheAction.objects.visible_to(user).of_convention(convention), convention)
    siennes = roles.isdisjoint((Role.COORDINATION, Role.RELECTURE, Role.ADMINISTRATION))
    if siennes:
        lignes_du_plan = [ligne for ligne in lignes_du_plan if f"compte-{user.pk}" in ligne.valeurs["pilote"]]
    compte = count_expected(lignes_du_plan)
    # The list that a count opens holds what was counted.
    table = reverse("actions:fiches", args=[convention.code]) + (
        f"?pilote=compte-{user.pk}&" if siennes else "?"
    )
    lignes: list[tuple[int, str, str, str]] = []
    plan = reverse("actions:plan", args=[convention.code])
    attendus = expected_of(user, convention, roles)
    minutes = [
        ("a_approuver", "compte rendu à approuver", "comptes rendus à approuver"),
        ("a_reprendre", "compte rendu à reprendre", "comptes rendus à reprendre"),
    ]
    for name, singulier, pluriel in minutes:
        if reunions := attendus.get(name):
            # The oldest waits first.
            url = reverse("governance:compte_rendu", args=[convention.code, reunions[0]])
            lignes.append((len(reunions), singulier, pluriel, url))
    if Role.RELECTURE in roles:
        lignes.append((len(attendus["avis_dus"]), "avis à donner", "avis à donner", f"{plan}#avis"))
        lignes.append(
            (compte["en_relecture"], "fiche à relire", "fiches à relire", f"{table}redaction=en_relecture")
        )
    if Role.COORDINATION in roles:
        lignes.append(
            (
                len(attendus["reserves_dues"]),
                "réserve de la CAF sans réponse",
                "réserves de la CAF sans réponse",
                f"{plan}#avis",
            )
        )
    if not roles.isdisjoint((Role.COORDINATION, Role.REDACTION)):
        lignes += [
            (
                compte["a_completer"],
                "fiche à compléter pour la CAF",
                "fiches à compléter pour la CAF",
                f"{table}redaction=a_completer",
            ),
            (compte["en_retard"], "fiche en retard", "fiches en retard", f"{table}en_retard=on"),
            (
                0 if siennes else compte["sans_pilote"],
                "fiche sans pilote",
                "fiches sans pilote",
                f"{table}sans_pilote=on",
            ),
            (
                compte["sans_echeance"],
                "fiche sans échéance",
                "fiches sans échéance",
                f"{table}sans_echeance=on",
            ),
            (
                compte["sans_indicateur"],
                "fiche sans indicateur",
                "fiches sans indicateur",
                f"{table}sans_indicateur=on",
            ),
            (
                compte["brouillon"],
                "fiche en brouillon",
                "fiches en brouillon",
                f"{table}redaction=brouillon",
            ),
        ]
    return [
        {"text": singulier if n == 1 else pluriel, "count": n, "url": url}
        for n, singulier, pluriel, url in lignes
        if n
    ]


def expected_of(user: User, convention: Convention, roles: frozenset[str]) -> dict[str, list[Any]]:
    """What waits for a word of ``user``, in one query, or none: keys of ``avis_dus`` and ``reserves_dues``; the meetings
    whose minutes are ``a_approuver``, or ``a_reprendre`` because a remark sent them back, the oldest first."""
    here = {"plan__convention": OuterRef("pk")}
    minutes = CompteRendu.objects.visible_to(user).filter(reunion__instance__convention=OuterRef("pk"))
    minutes = minutes.order_by("reunion__debut", "pk")
    asked: dict[str, Any] = {}
    if cotes := cotes_held(roles):
        asked["a_approuver"] = minutes.awaiting(cotes).values("reunion")
    if Role.RELECTURE in roles:
        asked["avis_dus"] = Avis.objects.visible_to(user).filter(**here).attendus().values("pk")
    if Role.COORDINATION in roles:
        asked["a_reprendre"] = minutes.sent_back().values("reunion")
        reserves = Reserve.objects.visible_to(user).filter(avis__plan__convention=OuterRef("pk"))
        asked["reserves_dues"] = reserves.a_repondre().values("pk")
    if not asked:
        return {}
    rows: Any = Convention.objects.values(**{name: ArraySubquery(found) for name, found in asked.items()})
    return dict(rows.get(pk=convention.pk))


SURVEILLANTS = (Role.COORDINATION, Role.RELECTURE, Role.ADMINISTRATION)
"""Those to whom the alerts of a convention speak: they can act on its dates."""


def alertes_pour(convention: Convention, roles: frozenset[str]) -> list[Alerte]:
    """What calls for attention on ``convention`` (loaded by ``with_alertes``), for who answers for it."""
    return [] if roles.isdisjoint(SURVEILLANTS) else alertes_de(convention)


def prochaine_reunion(convention: Convention) -> Reunion | None:
    """The nearest meeting still to be held. Reads ``instances.all()`` and their meetings."""
    prochaines = [instance.prochaine for instance in convention.instances.all() if instance.prochaine]
    return min(prochaines, key=lambda reunion: reunion.debut, default=None)


def decisions_ouvertes(user: User, convention: Convention) -> list[Decision]:
    """Decisions still to be carried out, the most late first."""
    ouvertes = (
        Decision.objects.visible_to(user)
        .filter(convention=convention)
        .ouvertes()
        .select_related("convention")
    )
    return sorted(ouvertes, key=lambda d: (d.echeance or datetime.date.max, d.pk))
