"""The articles a convention starts with, until somebody writes its own.

What they say follows the plan that conventions territoriales globales have in common; no amount, no scale and no article
of a code that a later reform would make wrong. Words in square brackets are read from the convention (``articles.reperes``).
"""

from typing import NamedTuple


class ArticlePropose(NamedTuple):
    cle: str
    titre: str
    texte: str


_DONNEES = ArticlePropose(
    "donnees",
    "Échanges de données et confidentialité",
    """Les signataires échangent les données utiles au diagnostic, au suivi et à l’évaluation, chacun dans le respect de ses missions. Ces données sont statistiques ou relatives aux équipements et aux services : aucune ne permet d’identifier une famille ou une personne.

Les échanges respectent le règlement général sur la protection des données et la loi du 6 janvier 1978 modifiée. Un échange de données à caractère personnel, s’il devenait nécessaire, ferait l’objet d’une convention particulière entre les signataires concernés.

Les signataires et les personnes qui participent aux instances sont tenus à la discrétion sur les faits et les informations dont ils ont connaissance, pendant la convention et après son terme.""",
)
_COMMUNICATION = ArticlePropose(
    "communication",
    "Communication",
    """Les signataires décident ensemble de la communication sur la présente convention et sur ses actions. Chacun mentionne le partenariat et fait figurer les logos des signataires sur les supports qui concernent une action conduite ensemble.

La convention, son plan d’actions et ses bilans peuvent être rendus publics, hors des éléments que les signataires ont jugés confidentiels.""",
)
_REVISION = ArticlePropose(
    "revision",
    "Révision par avenant",
    """Toute modification de la période, des signataires, des domaines ou de l’économie générale de la convention fait l’objet d’un avenant, signé par l’ensemble des signataires. L’avenant précise ce qu’il remplace ; les autres clauses restent en vigueur.

Les ajustements du plan d’actions qui ne changent pas ses axes sont décidés par le comité de pilotage, sans avenant.""",
)
_RESILIATION = ArticlePropose(
    "resiliation",
    "Fin et résiliation de la convention",
    """La convention prend fin à son terme.

Elle peut être résiliée avant son terme :
- d’un commun accord entre les signataires, constaté par écrit
- par l’un des signataires, si un autre ne respecte pas ses engagements, un mois après une mise en demeure par lettre recommandée avec avis de réception restée sans effet
- de plein droit, si une modification législative ou réglementaire en rend l’exécution impossible.

Le retrait d’un signataire met fin à ses engagements ; la convention se poursuit entre les autres, par avenant. Les conventions d’objectifs et de financement en cours gardent leur propre terme.""",
)
_RECOURS = ArticlePropose(
    "recours",
    "Recours",
    """Les signataires recherchent une solution amiable à tout différend né de l’interprétation ou de l’exécution de la présente convention, au besoin devant le comité de pilotage réuni à cet effet.

À défaut d’accord, le différend est porté devant le tribunal administratif dans le ressort duquel la collectivité signataire a son siège.""",
)

ARTICLES_CTG: tuple[ArticlePropose, ...] = (
    ArticlePropose(
        "objet",
        "Objet de la convention",
        """La présente convention fixe le cadre dans lequel les signataires construisent et conduisent ensemble un projet social de territoire, au service des habitants du territoire ([territoire]).

Elle est un accord-cadre politique et stratégique. Elle vise à :
- identifier les besoins prioritaires du territoire
- définir les champs d’intervention à privilégier au regard de l’écart entre l’offre et les besoins
- pérenniser et améliorer l’offre des services existants, par une mobilisation des moyens de chacun
- développer des actions nouvelles là où des besoins ne sont pas couverts.""",
    ),
    ArticlePropose(
        "champs",
        "Champs d’intervention",
        """Les signataires unissent leurs interventions dans les domaines suivants :
[domaines]

Chacun y intervient dans le cadre de ses compétences et de ses missions propres, que la présente convention ne modifie pas.""",
    ),
    ArticlePropose(
        "diagnostic",
        "Diagnostic et enjeux",
        """Le projet repose sur un diagnostic partagé du territoire : portrait statistique, offre de services, parole des habitants et des professionnels. Sa synthèse, ses constats et les enjeux qui en découlent figurent dans l’annexe 1 ; l’offre de services, dans l’annexe 2.

Le diagnostic est tenu à jour pendant la durée de la convention, à mesure que la situation du territoire change.""",
    ),
    ArticlePropose(
        "objectifs",
        "Objectifs partagés et plan d’actions",
        """Au regard des enjeux du diagnostic, les signataires partagent les axes et les objectifs du plan d’actions, qui figure dans l’annexe 3. Chaque action y fait l’objet d’une fiche, avec sa structure pilote et son échéance.

Le plan d’actions peut être adapté en cours de convention. Le comité de pilotage décide de l’ajout, du report, de la suspension ou de l’abandon d’une action, et de l’ordre des priorités.""",
    ),
    ArticlePropose(
        "engagements",
        "Engagements des signataires",
        """Les signataires s’engagent à mettre en œuvre les moyens nécessaires pour atteindre les objectifs du plan d’actions, à faire connaître à temps toute difficulté qui les compromettrait, et à participer aux instances de la convention.

La collectivité ([collectivité]) coordonne le projet sur le territoire, mobilise ses services et ses équipements, et associe les communes.

La [caf] apporte son expertise, ses données et son accompagnement technique, et mobilise ses financements dans le cadre de ses règles en vigueur.

Les autres signataires contribuent aux actions qui relèvent de leurs compétences. La présente convention ne préjuge pas des décisions que chacun prend selon ses propres règles.""",
    ),
    ArticlePropose(
        "gouvernance",
        "Modalités de collaboration et gouvernance",
        """Le comité de pilotage réunit les représentants des signataires. Il fixe les orientations, décide des priorités, arbitre, suit l’avancement du plan et valide l’évaluation. Il se réunit au moins une fois par an.

Le comité technique réunit les équipes des projets, par thème au besoin. Il veille à la réalisation des actions et à leur cohérence, et prépare les décisions du comité de pilotage. Il se réunit au moins une fois par an.

Un·e chargé·e de coopération anime la démarche sur le territoire, avec le conseil technique de la [caf].

La composition des instances figure dans l’annexe 4.""",
    ),
    _DONNEES,
    _COMMUNICATION,
    ArticlePropose(
        "financement",
        "Financement et bonus territoire",
        """La présente convention n’est pas un dispositif financier. Les financements de chaque action sont décidés et versés par chacun selon ses règles, dans la limite de ses crédits.

Les financements de la [caf], dont les bonus territoire qui s’attachent à la signature de la convention, sont versés directement aux gestionnaires des équipements et des services, dans le cadre des conventions d’objectifs et de financement et selon les barèmes en vigueur chaque année. La collectivité signataire s’engage à maintenir, sur la durée de la convention, son soutien aux équipements et aux services concernés.""",
    ),
    ArticlePropose(
        "evaluation",
        "Suivi et évaluation",
        """Un bilan est présenté chaque année au comité de pilotage. Il s’appuie sur l’avancement des actions et sur les indicateurs de l’annexe 5.

Une évaluation est conduite au cours de la dernière année de la convention. Elle porte sur la pertinence et la cohérence du projet, sur ses effets pour les habitants et sur la coopération entre les signataires ; elle prépare le renouvellement.""",
    ),
    ArticlePropose(
        "duree",
        "Durée de la convention",
        """La présente convention est conclue pour [durée], du [début] au [fin]. Elle ne peut être reconduite que de façon expresse.""",
    ),
    _REVISION,
    _RESILIATION,
    _RECOURS,
)

ARTICLES_CONTRAT: tuple[ArticlePropose, ...] = (
    ArticlePropose(
        "objet",
        "Objet du contrat",
        """Le présent contrat ([contrat]) fixe le cadre du partenariat entre ses signataires au service des habitants du territoire ([territoire]).

Il porte sur les domaines suivants :
[domaines]""",
    ),
    ArticlePropose(
        "actions",
        "Actions portées",
        """Les actions que porte le présent contrat figurent dans l’annexe 3. Quand elles appartiennent au plan d’actions d’une convention territoriale globale, elles y gardent leur fiche, leur pilote et leur suivi.""",
    ),
    ArticlePropose(
        "engagements",
        "Engagements des signataires",
        """Les signataires s’engagent à mettre en œuvre les moyens nécessaires à ces actions, chacun dans le cadre de ses compétences et de ses règles, et à faire connaître à temps toute difficulté.""",
    ),
    ArticlePropose(
        "gouvernance",
        "Suivi du contrat",
        """Le contrat est suivi par les instances de l’annexe 4, au moins une fois par an, et autant que possible en même temps que la convention territoriale globale du territoire.""",
    ),
    ArticlePropose(
        "financement",
        "Financement",
        """Les financements sont décidés et versés par chacun des signataires selon ses règles, dans la limite de ses crédits.""",
    ),
    _DONNEES,
    _COMMUNICATION,
    ArticlePropose(
        "evaluation",
        "Évaluation",
        """Un bilan des actions est présenté chaque année aux signataires, à partir des indicateurs de l’annexe 5. Une évaluation est conduite avant le terme du contrat.""",
    ),
    ArticlePropose(
        "duree",
        "Durée du contrat",
        """Le présent contrat est conclu pour [durée], du [début] au [fin]. Il ne peut être reconduit que de façon expresse.""",
    ),
    _REVISION,
    _RESILIATION,
    _RECOURS,
)
