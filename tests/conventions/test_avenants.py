"""An avenant says, then applies, and keeps what was (ADR 0008)."""

import datetime
import re
import threading

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from conventions.models import Avenant, Convention, Document, Habilitation, Signataire
from conventions.permissions import roles_on
from ctg_portal.exports import export_convention
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError
from tests.conventions.test_detail import log_in
from tests.factories import (
    PDF,
    AvenantFactory,
    ConventionFactory,
    DocumentFactory,
    DomaineFactory,
    OrganisationFactory,
    SignataireFactory,
    UserFactory,
)

D = datetime.date
JOUR = D(2025, 3, 14)


@pytest.fixture
def convention():
    return ConventionFactory(debut=D(2022, 1, 1), fin=D(2025, 12, 31), signee_le=D(2022, 3, 1))


def url(name, convention, *args):
    return reverse(f"conventions:{name}", args=[convention.code, *args])


def payload(**fields):
    return {
        "numero": "1",
        "objet": "Prolongation",
        "texte": "",
        "nouveau_debut": "",
        "nouvelle_fin": "",
        "duree_motif": "",
        "modification_plan": "",
    } | fields


def refusal(avenant, signe_le=JOUR):
    with pytest.raises(ValidationError) as error:
        avenant.sign(by=UserFactory(), signe_le=signe_le)
    return error.value.messages


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("avenant_objet_non_vide", {"objet": ""}),
        ("avenant_dates_dans_l_ordre", {"nouveau_debut": D(2025, 1, 1), "nouvelle_fin": D(2024, 1, 1)}),
        ("avenant_signe_date", {"statut": "signe"}),
        ("avenant_signe_date", {"signe_le": D(2025, 1, 1)}),
    ],
)
def test_constraint(constraint, fields):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        AvenantFactory(**fields)


def test_avenant_numero_unique(convention):
    AvenantFactory(convention=convention, numero=1)
    with pytest.raises(IntegrityError, match="avenant_numero_unique"), transaction.atomic():
        AvenantFactory(convention=convention, numero=1)


def test_sign_prolongs_and_keeps_the_old_end(convention):
    avenant = AvenantFactory(convention=convention, nouvelle_fin=D(2026, 12, 31))
    copie = DocumentFactory(convention=convention)

    avenant.sign(by=UserFactory(), signe_le=JOUR, copie=copie)

    convention.refresh_from_db()
    avenant.refresh_from_db()
    assert (convention.debut, convention.fin) == (D(2022, 1, 1), D(2026, 12, 31))
    assert (avenant.statut, avenant.signe_le, avenant.copie) == ("signe", JOUR, copie)
    assert avenant.avant == {"debut": "2022-01-01", "fin": "2025-12-31", "duree_motif": ""}
    effets = Avenant.objects.for_page().get().effets()
    assert effets.periode == ((D(2022, 1, 1), D(2025, 12, 31)), (D(2022, 1, 1), D(2026, 12, 31)))


def test_what_was_stays_after_another_avenant(convention):
    first = AvenantFactory(convention=convention, numero=1, nouvelle_fin=D(2026, 12, 31))
    first.sign(by=UserFactory(), signe_le=JOUR)
    AvenantFactory(
        convention=convention, numero=2, nouvelle_fin=D(2027, 12, 31), duree_motif="Une fusion."
    ).sign(by=UserFactory(), signe_le=JOUR)

    convention.refresh_from_db()
    assert (convention.fin, convention.duree_motif) == (D(2027, 12, 31), "Une fusion.")
    assert Avenant.objects.for_page().get(pk=first.pk).effets().periode[1] == (D(2022, 1, 1), D(2026, 12, 31))


def test_sign_changes_domaines_and_signatories(convention):
    kept, dropped, added = (DomaineFactory(intitule=name) for name in ("Enfance", "Logement", "Santé"))
    convention.domaines.set([kept, dropped])
    stays = SignataireFactory(convention=convention, organisation__nom="CAF", signe_le=D(2022, 3, 1))
    leaves = SignataireFactory(convention=convention, organisation__nom="MSA", signe_le=D(2022, 3, 1))
    joins = OrganisationFactory(nom="CIAS")
    avenant = AvenantFactory(convention=convention, numero=2)
    avenant.domaines_ajoutes.add(added)
    avenant.domaines_retires.add(dropped)
    avenant.organisations_ajoutees.add(joins)
    avenant.signataires_retires.add(leaves)

    avenant.sign(by=UserFactory(), signe_le=JOUR)

    assert set(convention.domaines.all()) == {kept, added}
    leaves.refresh_from_db()
    new = Signataire.objects.get(organisation=joins)
    assert (leaves.retire_par, leaves.signe_le) == (avenant, D(2022, 3, 1))
    assert (new.ajoute_par, new.signe_le, new.retire_par) == (avenant, JOUR, None)
    assert list(convention.signataires.actuels()) == [stays, new]
    assert avenant.avant == {"domaines": ["Enfance", "Logement"], "signataires": ["CAF", "MSA"]}
    effets = Avenant.objects.for_page().get().effets()
    assert effets.domaines == (["Enfance", "Logement"], ["Enfance", "Santé"])
    assert effets.signataires == (["CAF", "MSA"], ["CAF", "CIAS"])
    exported = export_convention(convention)
    assert [(row["organisation"]["nom"], row["retire_par"]) for row in exported["signataires"]] == [
        ("CAF", None),
        ("CIAS", None),
        ("MSA", 2),
    ]
    (written,) = exported["avenants"]
    assert (written["numero"], written["signe_le"], written["avant"]) == (2, "2025-03-14", avenant.avant)


def test_organisation_taken_out_loses_its_rights(convention):
    leaves = SignataireFactory(convention=convention)
    SignataireFactory(convention=convention)
    user = UserFactory()
    Habilitation.objects.create(user=user, role="lecture", organisation=leaves.organisation)
    assert Convention.objects.visible_to(user).get() == convention
    avenant = AvenantFactory(convention=convention)
    avenant.signataires_retires.add(leaves)

    avenant.sign(by=UserFactory(), signe_le=JOUR)

    assert not Convention.objects.visible_to(user).exists()
    assert roles_on(User.objects.get(pk=user.pk), convention.pk) == frozenset()


def test_sign_refuses_what_the_convention_refuses(convention):
    ConventionFactory(territoire=convention.territoire, debut=D(2026, 1, 1), fin=D(2029, 12, 31))
    overlapping = AvenantFactory(convention=convention, nouvelle_fin=D(2026, 12, 31))
    reversed_ = AvenantFactory(convention=convention, nouvelle_fin=D(2021, 12, 31))
    unusual = AvenantFactory(convention=convention, nouvelle_fin=D(2024, 12, 31))
    empty = AvenantFactory(convention=convention)

    assert refusal(overlapping) == ["Une autre CTG de ce territoire couvre déjà une partie de cette période."]
    assert "La date de fin doit suivre la date de début." in refusal(reversed_)
    assert refusal(unusual) == [
        "Une CTG dure quatre ou cinq ans : dites pourquoi celle-ci a une autre durée."
    ]
    assert refusal(empty) == ["Cet avenant ne change rien encore."]
    convention.refresh_from_db()
    assert (convention.fin, Avenant.objects.filter(statut="projet").count()) == (D(2025, 12, 31), 4)


@pytest.mark.parametrize(
    ("signe_le", "sentence"),
    [
        (timezone.localdate() + datetime.timedelta(days=2), "La date de signature est à venir."),
        (D(2022, 2, 1), "Un avenant ne se signe pas avant la convention qu’il modifie."),
    ],
)
def test_sign_on_an_impossible_day(convention, signe_le, sentence):
    avenant = AvenantFactory(convention=convention, modification_plan="Deux fiches de plus.")

    assert refusal(avenant, signe_le) == [sentence]


def test_stale_project_says_what_no_longer_holds(convention):
    domaine = DomaineFactory(intitule="Santé")
    convention.domaines.add(domaine)
    signataire = SignataireFactory(convention=convention, organisation__nom="CAF")
    avenant = AvenantFactory(convention=convention)
    avenant.domaines_ajoutes.add(domaine)
    avenant.domaines_retires.add(DomaineFactory(intitule="Logement"))
    avenant.organisations_ajoutees.add(signataire.organisation)
    gone = SignataireFactory(
        convention=convention, organisation__nom="MSA", retire_par=AvenantFactory(convention=convention)
    )
    avenant.signataires_retires.add(gone)

    assert refusal(avenant) == [
        "Le domaine «\u00a0Santé\u00a0» est déjà dans la convention.",
        "Le domaine «\u00a0Logement\u00a0» n’est plus dans la convention.",
        "CAF est déjà signataire.",
        "MSA n’est plus signataire.",
    ]


@pytest.mark.parametrize(
    ("statut", "sentence"),
    [
        ("preparation", "La convention n’est pas encore signée\u00a0: elle se modifie sans avenant."),
        ("close", "La convention est close\u00a0: plus rien n’y change."),
    ],
)
def test_only_a_convention_in_force_is_amended(convention, statut, sentence):
    Convention.objects.filter(pk=convention.pk).update(statut=statut)
    avenant = AvenantFactory(convention=convention, modification_plan="Une fiche de plus.")

    assert refusal(Avenant.objects.get(pk=avenant.pk)) == [sentence]


def test_abandoned_or_signed_moves_no_more(convention):
    avenant = AvenantFactory(convention=convention, modification_plan="Une fiche de plus.")
    avenant.abandon(by=UserFactory())

    for verb in (
        lambda: avenant.sign(by=UserFactory(), signe_le=JOUR),
        lambda: avenant.abandon(by=UserFactory()),
        avenant.require_projet,
    ):
        with pytest.raises(TransitionError, match="déjà abandonné"):
            verb()


@pytest.mark.django_db(transaction=True)
def test_two_signatures_at_once_leave_one():
    convention = ConventionFactory(debut=D(2022, 1, 1), fin=D(2025, 12, 31))
    avenant = AvenantFactory(convention=convention, nouvelle_fin=D(2026, 12, 31))
    avenant.organisations_ajoutees.add(OrganisationFactory())
    people = [UserFactory(), UserFactory()]
    ready = threading.Barrier(2)
    outcomes = []

    def sign(by):
        try:
            ready.wait(timeout=10)
            Avenant.objects.get(pk=avenant.pk).sign(by=by, signe_le=JOUR)
            outcomes.append("signé")
        except TransitionError as refus:
            outcomes.append(str(refus))
        finally:
            connection.close()

    threads = [threading.Thread(target=sign, args=(by,)) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert sorted(outcomes) == ["Cet avenant est déjà signé\u00a0: il ne change plus.", "signé"]
    assert convention.signataires.count() == 1


def test_add_edit_and_sign_by_the_pages(client, convention):
    log_in(client, convention)
    leaves = SignataireFactory(convention=convention, organisation__nom="MSA")
    SignataireFactory(convention=convention, organisation__nom="CAF")
    domaine = DomaineFactory(intitule="Santé")

    response = client.post(
        url("avenant_add", convention),
        payload(nouvelle_fin="2026-12-31", domaines_ajoutes=[domaine.pk], signataires_retires=[leaves.pk]),
        follow=True,
    )
    assert "L’avenant est en projet" in response.text
    avenant = Avenant.objects.for_page().get()
    assert avenant.natures == ["période", "signataires", "domaines"]
    assert Convention.objects.get(pk=convention.pk).fin == D(2025, 12, 31)

    client.post(
        url("avenant_edit", convention, avenant.pk),
        payload(objet="Prolongation d’un an", nouvelle_fin="2026-12-31"),
    )
    avenant = Avenant.objects.for_page().get()
    assert (avenant.objet, avenant.natures) == ("Prolongation d’un an", ["période"])

    response = client.post(
        url("avenant_sign", convention, avenant.pk),
        {"signe_le": "2025-03-14", "depot": SimpleUploadedFile("avenant.pdf", PDF)},
        follow=True,
    )
    assert "L’avenant est signé" in response.text
    assert "31\u00a0décembre 2025" in response.text
    assert "31\u00a0décembre 2026" in response.text
    document = Document.objects.get()
    assert (document.nature, document.titre) == ("avenant", "Avenant n°\u00a01, Prolongation d’un an")
    page = client.get(convention.get_absolute_url()).text
    assert "31\u00a0décembre 2026" in page
    assert "Prolongation d’un an (signé)" in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Un avenant change au moins une chose"),
        ({"objet": "", "modification_plan": "x"}, "Ce champ est obligatoire."),
        ({"numero": "7", "modification_plan": "x"}, "porte déjà ce numéro."),
        ({"numero": "0", "modification_plan": "x"}, "supérieure ou égale à 1"),
        ({"numero": "99999", "modification_plan": "x"}, "inférieure ou égale à 32767"),
        (
            {"nouveau_debut": "2025-01-01", "nouvelle_fin": "2024-01-01"},
            "La nouvelle fin doit suivre le nouveau début.",
        ),
        ({"nouvelle_fin": "2021-01-01"}, "La date de fin doit suivre la date de début."),
        ({"nouvelle_fin": "2027-12-31"}, "dites pourquoi celle-ci a une autre durée."),
        ({"nouvelle_fin": "demain"}, "Saisissez une date valide."),
        ({"organisations_ajoutees": ["999999"]}, "Sélectionnez un choix valide"),
        ({"signataires_retires": ["FOREIGN"]}, "Sélectionnez un choix valide"),
        ({"signataires_retires": ["ALL"]}, "Il ne resterait aucun signataire."),
    ],
)
def test_form_refuses_with_a_sentence(client, convention, fields, sentence):
    log_in(client, convention)
    AvenantFactory(convention=convention, numero=7)
    keys = {"FOREIGN": SignataireFactory().pk, "ALL": SignataireFactory(convention=convention).pk}
    data = {
        name: [keys.get(item, item) for item in value] if isinstance(value, list) else value
        for name, value in fields.items()
    }

    response = client.post(url("avenant_add", convention), payload(texte="Mes motifs.") | data)

    assert response.status_code == 200
    assert sentence in response.text
    assert "Mes motifs." in response.text
    assert Avenant.objects.count() == 1


def test_next_number_is_offered(client, convention):
    AvenantFactory(convention=convention, numero=4)
    log_in(client, convention)

    assert client.get(url("avenant_add", convention)).context["form"]["numero"].value() == 5


def test_signed_avenant_is_not_edited(client, convention):
    avenant = AvenantFactory(convention=convention, numero=1, modification_plan="Une fiche de plus.")
    avenant.sign(by=UserFactory(), signe_le=JOUR)
    log_in(client, convention)

    page = client.get(avenant.get_absolute_url()).text
    assert url("avenant_edit", convention, avenant.pk) not in page
    for name in ("avenant_edit", "avenant_sign"):
        assert "n’est plus en projet" in client.get(url(name, convention, avenant.pk)).text
    client.post(url("avenant_edit", convention, avenant.pk), payload(modification_plan="Autre chose."))
    client.post(url("avenant_abandon", convention, avenant.pk))
    second = client.post(url("avenant_sign", convention, avenant.pk), {"signe_le": "2025-03-15"})
    assert "Cet avenant est déjà signé" in second.text
    avenant.refresh_from_db()
    assert (avenant.modification_plan, avenant.statut, avenant.signe_le) == (
        "Une fiche de plus.",
        "signe",
        JOUR,
    )


def test_abandon_by_the_page(client, convention):
    avenant = AvenantFactory(convention=convention, modification_plan="Une fiche de plus.")
    log_in(client, convention)

    response = client.post(url("avenant_abandon", convention, avenant.pk), follow=True)

    assert "L’avenant est abandonné" in response.text
    avenant.refresh_from_db()
    assert avenant.statut == "abandonne"


def test_words_of_people_are_harmless(client, convention):
    avenant = AvenantFactory(
        convention=convention,
        objet="<script>alert(1)</script>",
        texte="<img src=x>",
        modification_plan="<b>x",
    )
    log_in(client, convention, "lecture")

    page = client.get(avenant.get_absolute_url()).text

    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "<b>x" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_page_query_count_does_not_grow(client, convention, count, django_assert_num_queries):
    avenant = AvenantFactory(convention=convention, nouvelle_fin=D(2026, 12, 31))
    for _ in range(count):
        avenant.domaines_ajoutes.add(DomaineFactory())
        avenant.organisations_ajoutees.add(OrganisationFactory())
        SignataireFactory(convention=convention)
    log_in(client, convention)

    with django_assert_num_queries(22):
        response = client.get(avenant.get_absolute_url())

    assert response.status_code == 200


def test_new_signatories_are_boxes_to_tick(client, convention):
    log_in(client, convention)
    joins = [
        OrganisationFactory(nom=nom, departement=convention.territoire.departement) for nom in ("A", "B")
    ]
    url = reverse("conventions:avenant_add", args=[convention.code])

    page = client.get(url)
    client.post(
        url, {"numero": "1", "objet": "Deux entrées", "organisations_ajoutees": [row.pk for row in joins]}
    )

    boxes = re.findall(r'<input[^>]*name="organisations_ajoutees"[^>]*>', page.text)
    assert len(boxes) == page.context["form"].fields["organisations_ajoutees"].queryset.count() >= 2
    assert all('type="checkbox"' in box for box in boxes)
    assert set(Avenant.objects.get(objet="Deux entrées").organisations_ajoutees.all()) == set(joins)
