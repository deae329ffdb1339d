"""The people of the demonstration: functions with invented names, all on example.org, one password for all."""

from dataclasses import dataclass, field

from conventions.models import Habilitation
from ctg_portal.models import User

PASSWORD = "demonstration-ctg"  # noqa: S105 - shown on the login page of a demonstration
Role = Habilitation.Role


@dataclass(frozen=True)
class Account:
    """A person, and what it may do: one ``role`` on ``conventions`` (codes) or on ``organisation`` (key in the data)."""

    email: str
    nom: str
    fonction: str
    role: str
    description: str
    conventions: tuple[str, ...] = field(default=())
    organisation: str = ""

    @property
    def role_label(self) -> str:
        return Role(self.role).label if self.role else "Administration technique"


CAZALS_SALVIAC = ("cazals-salviac-ctg-2018", "cazals-salviac-ctg-2022", "cazals-salviac-ctg-2027")

ACCOUNTS = (
    Account(
        "coordination@example.org",
        "Camille Bourian",
        "Chargée de coopération CTG",
        Role.COORDINATION,
        "Cazals-Salviac\u00a0: rédige et anime le plan, prépare les comités",
        conventions=CAZALS_SALVIAC,
    ),
    Account(
        "redaction@example.org",
        "Dominique Masse",
        "Responsable enfance-jeunesse",
        Role.REDACTION,
        "Cazals-Salviac\u00a0: écrit les fiches dont elle est pilote",
        conventions=("cazals-salviac-ctg-2022", "cazals-salviac-ctg-2027"),
    ),
    Account(
        "relecture@example.org",
        "Claude Ségala",
        "Conseillère technique territoriale, CAF du Lot",
        Role.RELECTURE,
        "CAF du Lot\u00a0: relit les trois territoires du département",
        organisation="caf46",
    ),
    Account(
        "pilotage@example.org",
        "Dany Thèze",
        "Vice-présidence aux services à la population",
        Role.PILOTAGE,
        "Cazals-Salviac\u00a0: élu·e du comité de pilotage",
        conventions=CAZALS_SALVIAC,
    ),
    Account(
        "lecture@example.org",
        "Alix Quercy",
        "Coordination d’une association partenaire",
        Role.LECTURE,
        "Cazals-Salviac\u00a0: lit la convention en cours",
        conventions=("cazals-salviac-ctg-2022",),
    ),
    Account(
        "administration@example.org",
        "Morgan Lagineste",
        "Direction générale des services",
        Role.ADMINISTRATION,
        "CC Cazals-Salviac\u00a0: ouvre et ferme les accès",
        organisation="cc-cazals-salviac",
    ),
    Account(
        "technique@example.org",
        "Sacha Vers",
        "Administration technique",
        "",
        "Tient les listes et les comptes du portail",
    ),
    Account(
        "administration.caf@example.org",
        "Frédérique Blagour",
        "Responsable de l’action sociale, CAF du Lot",
        Role.ADMINISTRATION,
        "CAF du Lot\u00a0: crée les conventions du département, ouvre les accès de la CAF",
        organisation="caf46",
    ),
    Account(
        "coordination.labastide@example.org",
        "Andréa Braunhie",
        "Chargée de coopération CTG",
        Role.COORDINATION,
        "Causse de Labastide-Murat",
        conventions=(
            "labastide-murat-cej-2015",
            "labastide-murat-ctg-2019",
            "labastide-murat-ctg-2023",
        ),
    ),
    Account(
        "coordination.cauvaldor@example.org",
        "Maxime Ouysse",
        "Chargé de coopération CTG",
        Role.COORDINATION,
        "Causses et Vallée de la Dordogne",
        conventions=("cauvaldor-ctg-2018", "cauvaldor-ctg-2022"),
    ),
    Account(
        "coordination.carlades@example.org",
        "Noa Jordanne",
        "Chargée de coopération CTG et GMR",
        Role.COORDINATION,
        "Cère et Goul en Carladès\u00a0: la CTG, le GMR et les contrats liés",
        conventions=(
            "carlades-cej-2016",
            "carlades-ctg-2020",
            "carlades-gmr-2022",
            "carlades-com-2022",
        ),
    ),
    Account(
        "coordination.quercy-rouergue@example.org",
        "Lou Viaur",
        "Chargé de coopération CTG",
        Role.COORDINATION,
        "Quercy Rouergue et Gorges de l’Aveyron",
        conventions=("quercy-rouergue-ctg-2021",),
    ),
    Account(
        "relecture.cantal@example.org",
        "Charlie Cézallier",
        "Conseiller technique territorial, CAF du Cantal",
        Role.RELECTURE,
        "CAF du Cantal",
        organisation="caf15",
    ),
    Account(
        "relecture.tarn-et-garonne@example.org",
        "Ange Lomagne",
        "Conseillère technique territoriale, CAF du Tarn-et-Garonne",
        Role.RELECTURE,
        "CAF du Tarn-et-Garonne",
        organisation="caf82",
    ),
)


def demo_accounts() -> list[dict[str, str]]:
    """The accounts of the demonstration that exist in the database, as the login page shows them."""
    existing = set(
        User.objects.filter(email__in=[account.email for account in ACCOUNTS]).values_list("email", flat=True)
    )
    return [
        {
            "email": account.email,
            "password": PASSWORD,
            "role_label": account.role_label,
            "description": account.description,
        }
        for account in ACCOUNTS
        if account.email in existing
    ]
