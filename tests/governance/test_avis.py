"""The avis of the CAF: asked with a date, written out of sight, signed and frozen, its réserves followed to the end."""

import datetime
import hashlib
import json
import subprocess
import threading

import page
import pytest
from django.db import IntegrityError, InternalError, OperationalError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from actions.models import Avis, FicheAction, Reserve, SuiteReserve
from ctg_portal.exports import dump_convention
from ctg_portal.workflow import TransitionError
from governance.avis import sign_avis, version_lue
from governance.emissions import draw_document
from governance.models import DocumentEmis
from tests.factories import HabilitationFactory, PlanActionsFactory, UserFactory
from tests.world import build_world

TODAY = timezone.localdate
SECRET = "Mots de la CAF"


@pytest.fixture
def world():
    return build_world()


@pytest.fixture
def plan():
    return PlanActionsFactory()


def ask(plan, **fields):
    return plan.avis.ask(plan, **{"by": UserFactory(), "echeance": plan.echeance_avis} | fields)


def write(avis, *reserves, sens="reserves", texte=SECRET):
    avis.sens, avis.texte = sens, texte
    avis.save()
    for rank, words in enumerate(reserves):
        avis.reserves.create(texte=words, ordre=rank)


def sign(avis, by=None):
    return sign_avis(avis, by=by or UserFactory(), fonction="Conseillère", lu=version_lue(avis))


# Asked


def test_submitting_a_plan_asks_for_its_avis(plan):
    plan.delai_avis = 45
    plan.save()

    plan.move_to("soumis", by=UserFactory())

    avis = plan.avis.get()
    assert (avis.etat, avis.echeance) == ("attendu", TODAY() + datetime.timedelta(days=45))


@pytest.mark.parametrize("statut", ["en_elaboration", "adopte"])
def test_plan_taken_back_or_adopted_no_longer_waits(plan, statut):
    plan.move_to("soumis", by=UserFactory())

    plan.move_to(statut, by=UserFactory())

    assert plan.avis.get().etat == "retire"


def test_asked_again_keeps_the_words_and_takes_the_date(plan):
    avis = ask(plan)
    write(avis, "Une réserve.")

    again = ask(plan, echeance=datetime.date(2099, 1, 1))

    assert again.pk == avis.pk
    assert (again.texte, again.echeance) == (SECRET, datetime.date(2099, 1, 1))
    assert again.reserves.count() == 1


def test_one_avis_is_expected_at_a_time(plan):
    avis = ask(plan)

    with pytest.raises(IntegrityError, match="avis_un_attendu_par_plan"), transaction.atomic():
        Avis.objects.create(plan=plan, demande_par=avis.demande_par)


def test_fiche_of_another_plan_is_refused_by_the_database(world, plan):
    with pytest.raises(IntegrityError, match="avis_de_son_plan"), transaction.atomic():
        Avis.objects.create(plan=plan, fiche=world.fiche, demande_par=UserFactory())


@pytest.mark.parametrize(
    ("days", "late", "soon"), [(-1, True, False), (0, False, True), (7, False, True), (8, False, False)]
)
def test_what_a_reminder_reads(plan, days, late, soon):
    avis = ask(plan, echeance=TODAY() + datetime.timedelta(days=days))

    assert (avis.jours_restants, avis.is_late) == (days, late)
    assert plan.avis.overdue().exists() is late
    assert plan.avis.due_within(7).exists() is soon


def test_signed_avis_is_no_longer_due(plan):
    avis = ask(plan, echeance=TODAY() - datetime.timedelta(days=3))
    write(avis, sens="favorable")
    sign(avis)

    assert (plan.avis.overdue().count(), plan.avis.due_within(90).count(), avis.jours_restants) == (
        0,
        0,
        None,
    )


# Written


@pytest.mark.parametrize(
    ("sens", "texte", "reserves", "manque"),
    [
        ("", "Oui.", [], "Le sens de l’avis."),
        ("favorable", "   ", [], "Le texte de l’avis."),
        ("reserves", "Oui.", [], "Au moins une réserve."),
        ("favorable", "Oui.", ["Une réserve."], "n’a pas de réserve"),
    ],
)
def test_incomplete_avis_is_not_signed(plan, sens, texte, reserves, manque):
    avis = ask(plan)
    write(avis, *reserves, sens=sens, texte=texte)

    with pytest.raises(TransitionError, match=manque):
        sign(avis)

    assert not DocumentEmis.objects.filter(nature="avis").exists()
    assert Avis.objects.get(pk=avis.pk).etat == "attendu"


def form_data(client, avis, *reserves, **fields):
    form = client.get(reverse("actions:avis_edit", args=[avis.convention.code, avis.pk])).context["form"]
    data = {
        "empreinte": form["empreinte"].value(),
        "reserves-TOTAL_FORMS": len(reserves),
        "reserves-INITIAL_FORMS": "0",
    }
    for rank, words in enumerate(reserves):
        data |= {f"reserves-{rank}-texte": words, f"reserves-{rank}-ORDER": rank}
    return data | fields


def test_adviser_writes_and_a_colleague_does_not_overwrite(client, world):
    avis = world.objects["avis"]
    client.force_login(world.people["relecture"])
    path = reverse("actions:avis_edit", args=[world.convention.code, avis.pk])
    mine = form_data(client, avis, "La mienne.", sens="reserves", texte="Mon texte.")
    theirs = form_data(client, avis, "La leur.", sens="reserves", texte="Leur texte.")

    assert client.post(path, theirs).status_code == 302
    refused = client.post(path, mine)

    assert "rien n’est écrasé" in refused.text
    assert "Mon texte." in refused.text
    avis.refresh_from_db()
    assert (avis.texte, list(avis.reserves.values_list("texte", flat=True))) == ("Leur texte.", ["La leur."])


@pytest.mark.parametrize(
    ("field", "value"), [("sens", "neutre"), ("texte", "x" * 20_001), ("texte", "a\x00b")]
)
def test_wrong_words_are_given_back(client, world, field, value):
    avis = world.objects["avis"]
    client.force_login(world.people["relecture"])

    response = client.post(
        reverse("actions:avis_edit", args=[world.convention.code, avis.pk]),
        form_data(client, avis, **{field: value}),
    )

    assert field in response.context["form"].errors
    assert Avis.objects.get(pk=avis.pk).texte == ""


def test_draft_is_read_by_the_caf_alone(client, world):
    avis = world.objects["avis"]
    write(avis, f"{SECRET}, réserve")
    code = world.convention.code
    paths = [
        avis.get_absolute_url(),
        reverse("actions:plan", args=[code]),
        reverse("convention_home", args=[code]),
        reverse("governance:documents", args=[code]),
    ]

    for role in ("coordination", "redaction", "pilotage", "lecture"):
        client.force_login(world.people[role])
        assert [path for path in paths if SECRET in client.get(path, follow=True).text] == []
        assert "pas encore donné son avis" in client.get(paths[0]).text
    client.force_login(world.people["relecture"])
    assert SECRET in client.get(paths[0]).text
    assert SECRET not in json.dumps(dump_convention(world.convention), ensure_ascii=False)


# Signed


def test_signature_freezes_words_and_bytes(client, world):
    avis = world.objects["avis"]
    write(avis, "Préciser le budget.")
    client.force_login(world.people["relecture"])
    path = reverse("governance:avis_sign", args=[world.convention.code, avis.pk])
    shown = client.get(path)
    lu = shown.context["form"]["lu"].value()

    signed = client.post(path, {"fonction": "Conseillère technique", "lu": lu}, follow=True)
    document = DocumentEmis.objects.get(avis=avis)
    draw_document.func(str(document.pk))
    document.refresh_from_db()
    first = bytes(document.contenu)
    client.force_login(world.people["lecture"])
    file = client.get(reverse("governance:document_file", args=[world.convention.code, document.pk]))

    assert "L’avis est signé" in signed.text
    avis.refresh_from_db()
    assert (avis.etat, avis.signataire, avis.fonction) == (
        "signe",
        "Personne relecture",
        "Conseillère technique",
    )
    assert file.content == first
    assert hashlib.sha256(first).hexdigest() == document.sha256
    assert page.validate_pdf_bytes(first, profile=page.ValidationProfile.PDF_UA_1).failures == []
    text = subprocess.run(["pdftotext", "-", "-"], input=first, capture_output=True, check=True).stdout
    words = " ".join(text.decode().split())
    for said in (
        SECRET,
        "Pour la CAF du Lot",
        "Préciser le budget.",
        "Conseillère technique",
        "favorable avec réserves",
    ):
        assert said in words
        assert said in document.html
    seen = client.get(avis.get_absolute_url()).text
    assert SECRET in seen
    assert "PDF signé" in seen


def test_nothing_changes_after_the_signature(plan):
    avis = ask(plan)
    write(avis, "Une réserve.")
    sign(avis)
    reserve = avis.reserves.get()
    changes = {
        "text": lambda: Avis.objects.filter(pk=avis.pk).update(texte="Autre."),
        "state": lambda: Avis.objects.filter(pk=avis.pk).update(etat="attendu"),
        "delete": lambda: Avis.objects.filter(pk=avis.pk)._raw_delete("default"),
        "reserve": lambda: Reserve.objects.filter(pk=reserve.pk).update(texte="Autre."),
        "order": lambda: Reserve.objects.filter(pk=reserve.pk).update(ordre=9),
        "lost": lambda: Reserve.objects.filter(pk=reserve.pk).delete(),
        "one more": lambda: avis.reserves.create(texte="Encore une."),
    }
    refused = []
    for name, change in changes.items():
        try:
            with transaction.atomic():
                change()
        except (IntegrityError, InternalError):
            refused.append(name)

    assert refused == list(changes)
    with pytest.raises(TransitionError, match="déjà signé"):
        sign(avis)


def test_whoever_signs_has_read_what_is_signed(client, world):
    avis = world.objects["avis"]
    write(avis, "Une réserve.")
    client.force_login(world.people["relecture"])
    path = reverse("governance:avis_sign", args=[world.convention.code, avis.pk])
    lu = client.get(path).context["form"]["lu"].value()
    Avis.objects.get(pk=avis.pk).save()

    refused = client.post(path, {"fonction": "", "lu": lu})
    again = client.post(path, {"fonction": "", "lu": refused.context["form"]["lu"].value()})

    assert "relisez-le" in refused.text
    assert again.status_code == 302


def test_plan_adopted_keeps_its_avis(client, world):
    avis = world.objects["avis"]
    write(avis, sens="defavorable")
    sign(avis, world.people["relecture"])
    world.plan.move_to("adopte", by=world.people["coordination"])
    client.force_login(world.people["lecture"])

    shown = client.get(reverse("actions:plan", args=[world.convention.code])).text

    assert avis.get_absolute_url() in shown
    assert "Défavorable" in shown


def test_avis_on_a_confidential_fiche_is_read_by_those_who_read_the_fiche(client, world):
    """Its file too: the list of documents and the file itself follow the fiche."""
    fiche = world.objects["en_relecture"]
    FicheAction.objects.filter(pk=fiche.pk).update(confidentielle=True)
    avis = ask(world.plan, fiche=fiche)
    write(avis, sens="favorable")
    document = sign(avis, world.people["relecture"])
    code = world.convention.code
    paths = [avis.get_absolute_url(), document.get_absolute_url()]

    client.force_login(world.people["lecture"])
    assert [client.get(path).status_code for path in paths] == [404, 404]
    for route in ("governance:documents", "convention_home"):
        assert fiche.intitule not in client.get(reverse(route, args=[code])).text
    client.force_login(world.people["pilotage"])
    assert [client.get(path).status_code for path in paths] == [200, 200]


# Réserves


@pytest.fixture
def reserve(world):
    return world.objects["reserve"]


def test_reserve_is_tracked_to_its_end(client, world, reserve):
    code = world.convention.code
    answer = reverse("actions:reserve_answer", args=[code, reserve.pk])
    conclude = reverse("actions:reserve_conclude", args=[code, reserve.pk])
    coordination, caf = world.people["coordination"], world.people["relecture"]

    client.force_login(coordination)
    client.post(answer, {"texte": "La CC paie."})
    client.force_login(caf)
    unexplained = client.post(conclude, {"suite": "uphold", "texte": ""})
    client.post(conclude, {"suite": "uphold", "texte": "Combien ?"})
    client.force_login(coordination)
    client.post(answer, {"texte": "6 500 €."})
    client.force_login(caf)
    client.post(conclude, {"suite": "lift", "texte": ""})
    client.force_login(coordination)
    late = client.post(answer, {"texte": "Encore."})

    assert "Dites pourquoi" in unexplained.text
    assert "maintenant « levée »" in late.text
    assert list(SuiteReserve.objects.values_list("geste", "texte", "auteur")) == [
        ("repondue", "La CC paie.", coordination.pk),
        ("maintenue", "Combien ?", caf.pk),
        ("repondue", "6 500 €.", coordination.pk),
        ("levee", "", caf.pk),
    ]
    reserve.refresh_from_db()
    assert reserve.etat == "levee"


def test_what_followed_a_reserve_is_not_rewritten(world, reserve):
    reserve.answer(by=world.people["coordination"], texte="La CC paie.")

    for change in (
        lambda: SuiteReserve.objects.update(texte="Autre."),
        lambda: SuiteReserve.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(InternalError), transaction.atomic():
            change()


def test_reserve_of_an_unsigned_avis_waits(client, world):
    avis = world.objects["avis"]
    write(avis, "Une réserve.")
    reserve = avis.reserves.get()

    with pytest.raises(TransitionError, match="n’est pas signé"):
        reserve.answer(by=world.people["coordination"], texte="Voici.")
    client.force_login(world.people["coordination"])
    path = reverse("actions:reserve_answer", args=[world.convention.code, reserve.pk])
    assert client.get(path).status_code == 404


# Where it is expected


def test_avis_due_is_on_the_pages_of_the_adviser(client, world):
    avis = world.objects["avis"]
    Avis.objects.filter(pk=avis.pk).update(echeance=TODAY() - datetime.timedelta(days=1))
    client.force_login(world.people["relecture"])

    portfolio = client.get(reverse("home")).text
    waiting = client.get(reverse("actions:a_relire"))
    home = client.get(reverse("convention_home", args=[world.convention.code]))

    assert "avis dû" in portfolio
    assert "en retard" in portfolio
    assert list(waiting.context["avis"]) == [avis]
    assert {"text": "avis à donner", "count": 1} in [
        {name: row[name] for name in ("text", "count")} for row in home.context["a_faire"]
    ]


def test_reserve_without_an_answer_is_expected_of_the_coordination(client, world, reserve):
    client.force_login(world.people["coordination"])
    path = reverse("convention_home", args=[world.convention.code])

    def texts():
        return [row["text"] for row in client.get(path).context["a_faire"]]

    assert "réserve de la CAF sans réponse" in texts()
    reserve.answer(by=world.people["coordination"], texte="Voici.")
    assert "réserve de la CAF sans réponse" not in texts()


def test_avis_is_asked_on_a_fiche_one_may_read(client, world):
    client.force_login(world.people["coordination"])
    path = reverse("actions:avis_ask", args=[world.convention.code])
    foreign = build_world().fiche

    refused = client.post(path, {"fiche": foreign.pk, "echeance": TODAY().isoformat()})
    past = client.post(path, {"fiche": world.fiche.pk, "echeance": "2020-01-01"})
    client.post(path, {"fiche": world.fiche.pk, "echeance": TODAY().isoformat()})

    assert "Choisissez le plan" in refused.text
    assert "déjà passée" in past.text
    assert Avis.objects.filter(fiche=world.fiche, etat="attendu").count() == 1
    assert not Avis.objects.filter(fiche=foreign).exists()


def test_caf_gives_an_avis_without_being_asked(client, world):
    client.force_login(world.people["relecture"])
    path = reverse("actions:avis_ask", args=[world.convention.code])

    page = client.post(path, {"fiche": world.fiche.pk, "echeance": TODAY().isoformat()}, follow=True)

    avis = Avis.objects.get(fiche=world.fiche)
    assert page.redirect_chain[-1][0] == reverse("actions:avis_edit", args=[world.convention.code, avis.pk])
    assert avis.demande_par == world.people["relecture"]


@pytest.mark.parametrize("count", [1, 3])
def test_page_of_an_avis_does_not_grow(client, django_assert_num_queries, world, count):
    avis = ask(world.plan, fiche=world.objects["en_relecture"])
    write(avis, *[f"Réserve {rank}." for rank in range(count)])
    sign(avis)
    for reserve in avis.reserves.all():
        reserve.answer(by=world.people["coordination"], texte="Voici.")
    client.force_login(HabilitationFactory(convention=world.convention, role="relecture").user)
    client.get(avis.get_absolute_url())

    with django_assert_num_queries(11):
        client.get(avis.get_absolute_url())


@pytest.mark.django_db(transaction=True)
def test_reserve_added_while_somebody_signs_waits_for_the_signature():
    avis = ask(PlanActionsFactory())
    write(avis, "Une réserve.")
    refused = []

    def add():
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '200ms'")
                Reserve.objects.create(avis_id=avis.pk, texte="En douce.")
        except OperationalError as error:
            refused.append(str(error))
        finally:
            connection.close()

    with transaction.atomic():
        Avis.objects.filter(pk=avis.pk).update(fonction="Conseillère")
        other = threading.Thread(target=add)
        other.start()
        other.join(timeout=30)

    assert len(refused) == 1
    assert "lock timeout" in refused[0]
    assert avis.reserves.count() == 1
