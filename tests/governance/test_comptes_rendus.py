"""From the notes to minutes that both sides approved and the members hold."""

import datetime
import hashlib
import io

import pytest
from django.db import InternalError
from django.urls import reverse
from django.utils import timezone
from docx import Document
from openpyxl import load_workbook

from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError
from governance.brouillons import draft_of
from governance.comptes_rendus import (
    compte_rendu_acte,
    draft_compte_rendu,
    give_visa,
    mark_sent,
    releve_acte,
    reopen,
    submit,
    take_back,
)
from governance.departs import send_due
from governance.diffusions import carries_minutes
from governance.emissions import draw_document
from governance.envois import launch, preview_mark, recipients_of
from governance.invitations import facts_of
from governance.models import DocumentEmis, EffetDecision, Envoi, SuiteDecision, VisaCompteRendu
from governance.operations import record_decision
from governance.seance import go_to_point
from governance.suites import record_suite
from tests.actions.test_pages import log_in
from tests.factories import (
    AxeFactory,
    DecisionFactory,
    FicheActionFactory,
    HabilitationFactory,
    PlanActionsFactory,
    PointOrdreDuJourFactory,
    PresenceFactory,
    ReunionFactory,
    UserFactory,
)


@pytest.fixture
def reunion():
    reunion = ReunionFactory(
        statut="tenue",
        debut=timezone.now() - datetime.timedelta(days=2),
        notes="Hors sujet : le stationnement.",
        ouverte_le=timezone.now() - datetime.timedelta(days=2),
        close_le=timezone.now() - datetime.timedelta(days=2, minutes=-90),
    )
    PointOrdreDuJourFactory(reunion=reunion, intitule="Le relais", notes="Le relais ouvre.", ordre=1)
    PointOrdreDuJourFactory(reunion=reunion, intitule="Les navettes", ordre=2)
    PresenceFactory(reunion=reunion, structure="CAF du Lot", nom="Dominique Lacan", etat="present")
    return reunion


def person(reunion, role):
    return HabilitationFactory(convention=reunion.convention, role=role).user


def visa(compte_rendu, by, cote, sens="approuve", **fields):
    version = compte_rendu.document.version
    said = {"signataire": "Présidence", "remarques": "La date." if sens == "remarques" else ""} | fields
    return give_visa(compte_rendu, by=by, version=version, cote=cote, sens=sens, **said)


def text_of(acte):
    words = []
    for section in acte.sections:
        words.append(section.titre)
        for bloc in section.blocs:
            words += [bloc.texte] if bloc.genre == "texte" else [cell for row in bloc.lignes for cell in row]
    return "\n".join(words)


def test_minutes_start_from_the_notes_in_the_order_of_the_agenda(reunion):
    point = reunion.points.first()
    ouverte, secrete = DecisionFactory(reunion=reunion, point=point), DecisionFactory(reunion=reunion)
    axe = AxeFactory(plan=PlanActionsFactory(convention=reunion.convention))
    for decision, cachee in ((ouverte, False), (secrete, True)):
        fiche = FicheActionFactory(
            axe=axe, intitule="Secrète" if cachee else "Publique", confidentielle=cachee
        )
        EffetDecision.objects.create(decision=decision, fiche=fiche, effet="aucun")

    compte_rendu = draft_compte_rendu(reunion, by=UserFactory())

    assert [partie.titre for partie in compte_rendu.parties.all()] == [
        "Le relais",
        "Les navettes",
        "Autres échanges",
    ]
    said = text_of(compte_rendu_acte(compte_rendu))
    places = [
        said.index(words)
        for words in ("Dominique Lacan", "Le relais ouvre.", str(ouverte), "Les navettes", str(secrete))
    ]
    assert places == sorted(places)
    assert "stationnement" in said
    assert "Par consensus" in said
    assert "(1 h 30)" in said.replace("\u00a0", " ")
    assert "Secrète" not in said
    assert draft_compte_rendu(reunion, by=UserFactory()) == compte_rendu
    with pytest.raises(TransitionError, match="une fois la réunion tenue"):
        draft_compte_rendu(ReunionFactory(), by=UserFactory())


def test_both_sides_approve_one_frozen_version_then_the_meeting_is_locked(reunion):
    coordination, elu, caf = (person(reunion, role) for role in ("coordination", "pilotage", "relecture"))
    compte_rendu = submit(draft_compte_rendu(reunion, by=coordination), by=coordination)
    assert {row.nature for row in reunion.documents.all()} == {"compte_rendu", "releve"}
    with pytest.raises(TransitionError, match="déjà «\u00a0soumis"):
        submit(compte_rendu, by=coordination)
    with pytest.raises(TransitionError, match="est soumis à l’approbation"):
        record_decision(reunion=reunion, by=coordination, nature="etude", texte="Trop tard.")
    with pytest.raises(TransitionError, match="est soumis à l’approbation"):
        go_to_point(reunion, None, shown=None)

    visa(compte_rendu, elu, "epci")
    with pytest.raises(TransitionError, match="déjà cet avis"):
        visa(compte_rendu, coordination, "epci")
    with pytest.raises(TransitionError, match="ne pouvez pas"):
        visa(compte_rendu, elu, "caf")
    with pytest.raises(TransitionError, match="une fois approuvé"):
        mark_sent(reunion, by=coordination)
    visa(compte_rendu, caf, "caf")
    compte_rendu.refresh_from_db()
    assert compte_rendu.statut == "approuve"

    envoi = draft_of(reunion, "diffusion", by=coordination)
    assert {row.nature for row in envoi.documents.all()} == {"compte_rendu", "releve"}
    assert "approuvé par l’intercommunalité (Présidence, le" in envoi.message
    assert " et par la CAF (Présidence, le" in envoi.message
    assert carries_minutes(envoi)
    mark_sent(reunion, by=coordination)
    reunion.refresh_from_db()
    compte_rendu.refresh_from_db()
    assert (reunion.statut, compte_rendu.statut) == ("diffusee", "diffuse")
    assert not carries_minutes(envoi)
    with pytest.raises(TransitionError, match="ne prend pas de décision"):
        record_decision(reunion=reunion, by=coordination, nature="etude", texte="Trop tard.")
    with pytest.raises(TransitionError, match="rouvrez d’abord"):
        take_back(compte_rendu)


def test_a_remark_sends_it_back_and_the_next_version_is_approved_anew(reunion):
    coordination, elu, caf = (person(reunion, role) for role in ("coordination", "pilotage", "relecture"))
    compte_rendu = submit(draft_compte_rendu(reunion, by=coordination), by=coordination)
    visa(compte_rendu, elu, "epci")
    first = compte_rendu.document

    visa(compte_rendu, caf, "caf", "remarques")

    compte_rendu.refresh_from_db()
    assert compte_rendu.statut == "redaction"
    compte_rendu.parties.update(texte="Corrigé.")
    compte_rendu = submit(compte_rendu, by=coordination)
    assert compte_rendu.document.version == 2
    assert "Corrigé." in compte_rendu.document.html
    assert "Corrigé." not in DocumentEmis.objects.get(pk=first.pk).html
    with pytest.raises(TransitionError, match="La version 2 a été soumise"):
        give_visa(compte_rendu, by=caf, version=1, cote="caf", sens="approuve", signataire="CAF")
    visa(compte_rendu, caf, "caf")
    compte_rendu.refresh_from_db()
    assert compte_rendu.statut == "soumis"  # the word of the EPCI was on the first version
    with pytest.raises(InternalError, match="Cannot update"):
        VisaCompteRendu.objects.update(sens="approuve")


def test_opening_again_is_said_and_changes_nothing_of_what_was_sent(reunion):
    coordination, caf = person(reunion, "coordination"), person(reunion, "relecture")
    compte_rendu = submit(draft_compte_rendu(reunion, by=coordination), by=coordination)
    visa(compte_rendu, coordination, "epci")
    visa(compte_rendu, caf, "caf")
    mark_sent(reunion, by=coordination)
    draw_document.func(str(compte_rendu.document_id))
    sent = DocumentEmis.objects.get(pk=compte_rendu.document_id)

    reopen(reunion, motif="Un nom mal écrit.", by=coordination)

    reunion.refresh_from_db()
    compte_rendu.refresh_from_db()
    assert (reunion.statut, compte_rendu.statut) == ("tenue", "redaction")
    assert reunion.reouvertures.get().motif == "Un nom mal écrit."
    compte_rendu.parties.update(texte="Autre chose.")
    submit(compte_rendu, by=coordination)
    again = DocumentEmis.objects.get(pk=sent.pk)
    assert bytes(again.contenu) == bytes(sent.contenu)
    assert hashlib.sha256(again.contenu).hexdigest() == again.sha256
    with pytest.raises(TransitionError, match="pas verrouillée"):
        reopen(reunion, motif="Encore.", by=coordination)


def url_of(name, reunion, *args):
    return reverse(f"governance:{name}", args=[reunion.convention.code, reunion.pk, *args])


def test_pages_lead_from_the_notes_to_the_diffusion(client, reunion):
    log_in(client, reunion.convention)
    page = url_of("compte_rendu", reunion)
    assert "Commencer le compte rendu" in client.get(page).text
    client.post(url_of("compte_rendu_draft", reunion))
    partie = reunion.compte_rendu.parties.get(titre="Les navettes")
    edit = reverse("governance:partie_edit", args=[reunion.convention.code, reunion.pk, partie.pk])
    empreinte = client.get(edit).context["form"]["empreinte"].value()
    assert (
        client.post(
            edit, {"titre": "Les navettes", "texte": "Deux circuits.", "empreinte": empreinte}
        ).status_code
        == 302
    )
    stale = client.post(edit, {"titre": "Les navettes", "texte": "Trois.", "empreinte": empreinte})
    assert "Deux circuits." in stale.text
    assert (
        client.post(url_of("partie_add", reunion), {"titre": "Clôture", "texte": "Merci."}).status_code == 302
    )
    shown = client.get(page).text
    assert shown.index("Deux circuits.") < shown.index("Merci.")
    word = Document(io.BytesIO(client.get(url_of("compte_rendu_docx", reunion, "compte-rendu")).content))
    assert any("Deux circuits." in paragraph.text for paragraph in word.paragraphs)
    assert client.get(url_of("compte_rendu_docx", reunion, "autre")).status_code == 404

    assert "figés et soumis" in client.post(url_of("compte_rendu_submit", reunion), follow=True).text
    late = client.post(edit, {"titre": "Les navettes", "texte": "Trop tard.", "empreinte": ""})
    assert "ne se modifie plus" in late.text
    assert "Trop tard." in late.text
    form = {"version": 1, "cote": "epci", "sens": "remarques", "signataire": "Présidence", "remarques": ""}
    assert "Dites ce qui est à reprendre." in client.post(url_of("visa", reunion), form).text
    assert (
        "Votre avis est enregistré"
        in client.post(url_of("visa", reunion), form | {"sens": "approuve"}, follow=True).text
    )

    log_in(client, reunion.convention, "relecture")
    assert "Donner un avis" in client.get(page).text
    client.post(url_of("visa", reunion), form | {"cote": "caf", "sens": "approuve"})
    assert "Donner un avis" not in client.get(page).text
    log_in(client, reunion.convention, "lecture")
    seen = client.get(page).text
    assert "Approuvé" in seen
    assert "Deux circuits." not in seen  # the frozen version is what a reader opens
    log_in(client, reunion.convention)
    assert client.post(url_of("envoi_add", reunion, "diffusion")).status_code == 302
    assert Envoi.objects.get().documents.count() == 2


def test_departure_of_the_approved_minutes_locks_the_meeting(reunion, settings, mailoutbox):
    settings.ENVOI_DELAI = 0
    coordination, caf = person(reunion, "coordination"), person(reunion, "relecture")
    reunion.presences.update(email="membre@example.org")
    compte_rendu = submit(draft_compte_rendu(reunion, by=coordination), by=coordination)
    visa(compte_rendu, coordination, "epci")
    visa(compte_rendu, caf, "caf")
    for document in reunion.documents.all():
        draw_document.func(str(document.pk))
    envoi = Envoi.objects.get(pk=draft_of(reunion, "diffusion", by=coordination).pk)
    launch(
        envoi,
        by=coordination,
        seen=preview_mark(envoi, facts_of(envoi.reunion, by=coordination), recipients_of(envoi)),
    )

    send_due.func()

    reunion.refresh_from_db()
    assert reunion.statut == "diffusee"
    assert len(mailoutbox) == 1
    assert sum(name.endswith(".pdf") for name, *_ in mailoutbox[0].attachments if name) == 2


def test_suite_moves_the_date_or_ends_the_decision(client, reunion):
    decision = DecisionFactory(reunion=reunion, echeance=timezone.localdate())
    later = ReunionFactory(instance=reunion.instance, statut="ouverte", debut=timezone.now())
    log_in(client, reunion.convention)
    url = reverse("governance:suite_add", args=[reunion.convention.code, decision.pk])
    day = timezone.localdate() + datetime.timedelta(days=60)

    past = client.post(url, {"texte": "En cours.", "echeance": "2020-01-01"})
    assert "Une nouvelle échéance est à venir." in past.text
    both = client.post(url, {"texte": "En cours.", "echeance": day.isoformat(), "realisee": "on"})
    assert "gardez l’un des deux" in both.text
    kept = client.post(f"{url}?reunion={later.pk}", {"texte": "Devis reçus.", "echeance": day.isoformat()})
    assert kept.url == f"{url_of('seance', later)}#ouvertes"
    decision.refresh_from_db()
    assert (decision.echeance, SuiteDecision.objects.get().reunion) == (day, later)
    assert "Devis reçus." in client.get(decision.get_absolute_url()).text
    later.statut = "tenue"
    later.save()
    minutes = draft_compte_rendu(later, by=UserFactory())
    for acte in (compte_rendu_acte(minutes), releve_acte(later, "Projet")):
        said = text_of(acte)
        assert "Suites des décisions" in said
        assert (
            f"{decision}\n{decision.texte}\nDevis reçus.\n{date_fr(day)} (auparavant\u00a0: {date_fr(timezone.localdate())})"
            in said
        )
    assert "Suites des décisions" not in text_of(releve_acte(reunion, "Projet"))
    record_suite(decision, by=UserFactory(), texte="Fait.", realisee=True)
    decision.refresh_from_db()
    assert decision.realisee_le == timezone.localdate()
    with pytest.raises(TransitionError, match="plus ouverte"):
        record_suite(decision, by=UserFactory(), texte="Encore.")


def test_suite_is_heard_by_a_meeting_that_speaks(client, reunion):
    decision = DecisionFactory(reunion=reunion)
    ahead = ReunionFactory(instance=reunion.instance)
    locked = ReunionFactory(instance=reunion.instance, statut="diffusee", debut=timezone.now())
    submit(draft_compte_rendu(reunion, by=UserFactory()), by=UserFactory())
    log_in(client, reunion.convention)
    url = reverse("governance:suite_add", args=[reunion.convention.code, decision.pk])

    for deaf, said in (
        (ahead, "n’entend pas la suite"),
        (locked, "n’entend pas la suite"),
        (reunion, "est soumis à l’approbation"),
    ):
        page = client.post(f"{url}?reunion={deaf.pk}", {"texte": "Devis reçus."})
        assert said in page.text
        assert "Devis reçus." in page.text
    assert not SuiteDecision.objects.exists()


def test_who_is_waited_for_reads_it_on_the_home(client, reunion):
    coordination, caf = person(reunion, "coordination"), person(reunion, "relecture")
    elu = person(reunion, "pilotage")
    convention = reunion.convention

    def told(user):
        client.force_login(user)
        page = client.get(reverse("convention_home", args=[convention.code]))
        rows = [row for row in page.context["a_faire"] if "compte" in row["text"]]
        assert all(row["url"] == url_of("compte_rendu", reunion) and row["text"] in page.text for row in rows)
        return [(row["count"], row["text"]) for row in rows]

    compte_rendu = submit(draft_compte_rendu(reunion, by=coordination), by=coordination)
    waits, back = [(1, "compte rendu à approuver")], [(1, "compte rendu à reprendre")]
    assert [told(user) for user in (coordination, elu, caf)] == [waits, waits, waits]
    instance = reverse("governance:instance", args=[convention.code, reunion.instance_id])
    assert "compte rendu à approuver" in client.get(instance).text
    visa(compte_rendu, elu, "epci")
    assert [told(user) for user in (coordination, elu, caf)] == [[], [], waits]
    visa(compte_rendu, caf, "caf", "remarques")
    assert [told(user) for user in (coordination, elu, caf)] == [back, [], []]
    assert "compte rendu à approuver" not in client.get(instance).text
    compte_rendu.refresh_from_db()
    submit(compte_rendu, by=coordination)
    # The word of the EPCI was on the first version.
    assert [told(user) for user in (coordination, elu, caf)] == [waits, waits, waits]


def test_register_is_filtered_by_who_and_exported_as_filtered(client, reunion):
    DecisionFactory(reunion=reunion, responsable="CAF", texte="=1+1")
    DecisionFactory(reunion=reunion, responsable="Commune")
    log_in(client, reunion.convention)
    url = reverse("governance:register_export", args=[reunion.convention.code])

    sheet = load_workbook(io.BytesIO(client.get(f"{url}?responsable=CAF").content)).active

    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert sum("CAF" in row for row in rows) == 1
    assert not any("Commune" in row for row in rows)
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
