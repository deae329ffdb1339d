import datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from conventions.models import Convention, Habilitation, Organisation, Phase, Territoire
from ctg_portal.workflow import TransitionError
from tests.factories import (
    ConventionFactory,
    FinancementFactory,
    HabilitationFactory,
    OrganisationFactory,
    SignataireFactory,
    UserFactory,
    siren,
)

D = datetime.date


def refused(name, **kwargs):
    """The database, not only the form, refuses the row."""
    return pytest.raises(IntegrityError, match=name)


def sentence(instance):
    with pytest.raises(ValidationError) as error:
        instance.full_clean()
    return error.value.messages


def test_convention_ctg_sans_chevauchement():
    first = ConventionFactory(debut=D(2022, 1, 1), fin=D(2025, 12, 31))
    second = Convention(
        code="autre",
        territoire=first.territoire,
        intitule="Autre",
        debut=D(2025, 12, 31),
        fin=D(2029, 12, 30),
    )

    assert sentence(second) == ["Une autre CTG de ce territoire couvre déjà une partie de cette période."]
    with refused("convention_ctg_sans_chevauchement"), transaction.atomic():
        second.save()


@pytest.mark.parametrize(
    "fields",
    [
        {"debut": D(2026, 1, 1), "fin": D(2029, 12, 31)},
        {"nature": "gmr", "debut": D(2023, 1, 1), "fin": D(2024, 12, 31)},
        {"statut": "resiliee", "debut": D(2023, 1, 1), "fin": D(2026, 12, 31)},
    ],
)
def test_convention_beside_a_ctg(fields):
    first = ConventionFactory(debut=D(2022, 1, 1), fin=D(2025, 12, 31))

    ConventionFactory(territoire=first.territoire, **fields).full_clean()


def test_convention_debut_avant_fin():
    convention = ConventionFactory.build(debut=D(2025, 1, 1), fin=D(2024, 1, 1), territoire=None)

    assert "La date de fin doit suivre la date de début." in sentence(convention)
    with refused("convention_debut_avant_fin"), transaction.atomic():
        Convention.objects.filter(pk=ConventionFactory().pk).update(fin=D(2000, 1, 1))


def test_convention_sans_boucle():
    convention = ConventionFactory()
    convention.precedente = convention

    assert "Une convention ne peut pas se précéder ni dépendre d’elle-même." in sentence(convention)
    with refused("convention_sans_boucle"), transaction.atomic():
        convention.save()


def test_convention_principale_pour_un_contrat_lie():
    convention = ConventionFactory()
    convention.principale = ConventionFactory()

    assert sentence(convention) == [
        "Une CTG porte son propre plan d’actions ; elle ne dépend pas d’une autre."
    ]
    with refused("convention_principale_pour_un_contrat_lie"), transaction.atomic():
        convention.save()


def test_convention_horizon_apres_debut():
    convention = ConventionFactory()
    convention.horizon_projet = convention.debut

    assert sentence(convention) == ["L’horizon du projet doit suivre le début de la convention."]
    with refused("convention_horizon_apres_debut"), transaction.atomic():
        convention.save()


@pytest.mark.parametrize(
    ("fin", "usual"),
    [(D(2025, 12, 31), True), (D(2026, 12, 31), True), (D(2024, 12, 31), False), (D(2026, 12, 30), False)],
)
def test_ctg_of_another_length_says_why(fin, usual):
    convention = ConventionFactory(debut=D(2022, 1, 1), fin=fin)

    if usual:
        convention.full_clean()
    else:
        assert sentence(convention) == [
            "Une CTG dure quatre ou cinq ans : dites pourquoi celle-ci a une autre durée."
        ]
        convention.duree_motif = "Fusion des intercommunalités."
        convention.full_clean()


def test_signataire_unique():
    signataire = SignataireFactory()

    with refused("signataire_unique"), transaction.atomic():
        SignataireFactory(convention=signataire.convention, organisation=signataire.organisation)


@pytest.mark.parametrize(
    ("constraint", "message", "dates"),
    [
        (
            "phase_dates_prevues_dans_l_ordre",
            "La fin prévue d’une phase suit son début.",
            {"debut_prevu": D(2023, 1, 1), "fin_prevue": D(2022, 1, 1)},
        ),
        (
            "phase_dates_reelles_dans_l_ordre",
            "La fin réelle d’une phase suit son début réel.",
            {"debut_prevu": D(2023, 1, 1), "fin_prevue": D(2023, 2, 1), "fin_reelle": D(2023, 1, 2)},
        ),
    ],
)
def test_phase_dates(constraint, message, dates):
    phase = Phase(convention=ConventionFactory(), nature="diagnostic", **dates)

    assert sentence(phase) == [message]
    with refused(constraint), transaction.atomic():
        phase.save()


@pytest.mark.parametrize(
    ("constraint", "message", "fields"),
    [
        ("financement_montants_positifs", "Un montant ne peut pas être négatif.", {"verse": "-0.01"}),
        (
            "financement_un_montant_au_moins",
            "Indiquez au moins un montant : prévu, notifié ou versé.",
            {"verse": None},
        ),
        (
            "financement_exercice_plausible",
            "L’exercice est une année entre 2000 et 2100.",
            {"exercice": 1999},
        ),
    ],
)
def test_financement_constraints(constraint, message, fields):
    financement = FinancementFactory()
    for name, value in fields.items():
        setattr(financement, name, value)

    with pytest.raises(ValidationError) as error:
        financement.validate_constraints()
    assert error.value.messages == [message]
    with refused(constraint), transaction.atomic():
        financement.save()


@pytest.mark.parametrize(
    ("constraint", "message", "fields"),
    [
        (
            "habilitation_un_seul_objet",
            "Une habilitation porte sur une convention ou sur une organisation.",
            {"role": "lecture", "nothing": True},
        ),
        (
            "habilitation_role_selon_objet",
            "Ce rôle ne se donne pas sur cet objet.",
            {"role": "administration"},
        ),
    ],
)
def test_habilitation_constraints(constraint, message, fields):
    habilitation = HabilitationFactory()
    habilitation.role = fields["role"]
    if fields.get("nothing"):
        habilitation.convention = None

    assert message in sentence(habilitation)
    with refused(constraint), transaction.atomic():
        habilitation.save()


@pytest.mark.parametrize("target", ["convention", "organisation"])
def test_habilitation_unique(target):
    made = ConventionFactory() if target == "convention" else OrganisationFactory()
    fields = {"user": UserFactory(), "role": "lecture", "convention": None} | {target: made}
    Habilitation.objects.create(**fields)

    with refused(f"habilitation_unique_sur_{target}"), transaction.atomic():
        Habilitation.objects.create(**fields)


def test_organisation_siren_nom_unique():
    organisation = OrganisationFactory(siren=siren(12345678))

    with refused("organisation_siren_nom_unique"), transaction.atomic():
        OrganisationFactory(siren=organisation.siren, nom=organisation.nom)
    OrganisationFactory(siren=organisation.siren, nom="Un autre établissement")


def test_organisation_siren_is_checked():
    organisation = Organisation(nom="Fausse", nature="association", siren="123456789")

    assert sentence(organisation) == [
        "Ce numéro SIREN n’est pas valide : neuf chiffres, le dernier contrôle les autres."
    ]


def test_territoire_couleur_hexadecimale():
    territoire = ConventionFactory().territoire

    with refused("territoire_couleur_hexadecimale"), transaction.atomic():
        Territoire.objects.filter(pk=territoire.pk).update(couleur="red;}")


ALLOWED = {
    ("preparation", "signee"),
    ("signee", "en_cours"),
    ("signee", "resiliee"),
    ("en_cours", "en_evaluation"),
    ("en_cours", "resiliee"),
    ("en_evaluation", "close"),
    ("en_evaluation", "en_cours"),
}


@pytest.mark.parametrize("depuis", Convention.Statut.values)
@pytest.mark.parametrize("vers", Convention.Statut.values)
def test_transitions(depuis, vers):
    convention = ConventionFactory(statut=depuis)
    SignataireFactory(convention=convention, signe_le=convention.debut)

    if (depuis, vers) in ALLOWED:
        convention.move_to(vers, by=UserFactory())
        expected = vers
    else:
        with pytest.raises(TransitionError, match="ne peut pas devenir"):
            convention.move_to(vers, by=UserFactory())
        expected = depuis

    assert Convention.objects.get(pk=convention.pk).statut == expected


def test_move_reads_the_row_again():
    convention = ConventionFactory(statut="en_cours")
    Convention.objects.filter(pk=convention.pk).update(statut="close")

    with pytest.raises(
        TransitionError, match="Une convention « close » ne peut pas devenir « en évaluation »."
    ):
        convention.move_to("en_evaluation", by=UserFactory())


def test_signature_asks_every_signatory():
    convention = ConventionFactory(statut="preparation")
    assert convention.missing_before_signature() == ["Aucun signataire n’est inscrit."]

    SignataireFactory(convention=convention, signe_le=convention.debut)
    caf = SignataireFactory(convention=convention, organisation__nom="CAF du Lot")
    with pytest.raises(ValidationError, match="La signature de CAF du Lot manque."):
        convention.move_to("signee", by=UserFactory())

    caf.signe_le = convention.debut
    caf.save()
    convention.move_to("signee", by=UserFactory())
    assert convention.statut == "signee"


def test_liens_name_each_contract_and_say_which_may_be_opened():
    avant = ConventionFactory(debut=D(2018, 1, 1), fin=D(2021, 12, 31))
    ctg = ConventionFactory(
        territoire=avant.territoire, debut=D(2022, 1, 1), fin=D(2026, 12, 31), precedente=avant
    )
    gmr = ConventionFactory(
        territoire=avant.territoire,
        nature="gmr",
        debut=D(2023, 1, 1),
        fin=D(2025, 12, 31),
        principale=ctg,
    )
    ConventionFactory()
    user = HabilitationFactory(convention=ctg).user
    HabilitationFactory(user=user, convention=avant)

    assert [(lien, contrat.pk, contrat.est_ouverte) for lien, contrat in ctg.liens(user)] == [
        ("convention précédente", avant.pk, True),
        ("contrat lié", gmr.pk, False),
    ]
    assert [lien for lien, _ in gmr.liens(user)] == ["CTG dont ce contrat partage le plan"]
    assert [lien for lien, _ in avant.liens(user)] == ["convention suivante"]
    assert (gmr.overlaps(ctg), avant.overlaps(ctg)) == (True, False)


def test_is_last_coordination():
    habilitation = HabilitationFactory()
    assert habilitation.is_last_coordination()

    other = HabilitationFactory(convention=habilitation.convention)
    assert not habilitation.is_last_coordination()
    other.user.is_active = False
    other.user.save()
    assert habilitation.is_last_coordination()
    assert not HabilitationFactory(role="lecture").is_last_coordination()
