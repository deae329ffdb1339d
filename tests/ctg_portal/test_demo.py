"""The five territories hold every published figure, are the same twice, and leave as documented files."""

import datetime
import json
from decimal import Decimal
from io import StringIO

import page
from django.core.management import call_command
from django.db import models
from django.db.models import Sum

from actions.documents import plan_html
from actions.models import FicheAction, Notification, PlanActions
from actions.models.fil import read_fil
from conventions.models import (
    Avenant,
    Convention,
    Document,
    Equipement,
    Financement,
)
from ctg_portal.demo.accounts import demo_accounts
from ctg_portal.documents import render_pdf
from ctg_portal.exports import dump_convention
from ctg_portal.models import User
from governance.models import Decision, Reunion
from tests.pdf.controle import faults

D = datetime.date


def run(command, *args):
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def fiches_of(code):
    return FicheAction.objects.filter(plan__convention__code=code)


def test_demo_holds_the_published_facts(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    run("load_demo")

    assert {code: fiches_of(code).count() for code in ("labastide-murat-ctg-2019", "carlades-ctg-2020")} == {
        "labastide-murat-ctg-2019": 26,
        "carlades-ctg-2020": 30,
    }
    _check_labastide()
    _check_cauvaldor()
    _check_carlades()
    _check_cazals()
    _check_quercy()
    _check_documents()
    _check_avenants()
    _check_life()
    _check_notifications()
    _check_export()
    _check_printing()

    before = (
        Convention.objects.count(),
        FicheAction.objects.count(),
        User.objects.count(),
        Equipement.objects.count(),
        Decision.objects.count(),
    )
    assert "rien à changer" in run("load_demo")
    after = (
        Convention.objects.count(),
        FicheAction.objects.count(),
        User.objects.count(),
        Equipement.objects.count(),
        Decision.objects.count(),
    )
    assert after == before


def _check_labastide():
    ctg = Convention.objects.get(code="labastide-murat-ctg-2019")
    assert (ctg.debut.year, ctg.nombre_annees, ctg.precedente.nature) == (2019, 4, "cej")
    assert ctg.territoire.communes.count() == 17
    assert list(ctg.diagnostic.enjeux.filter(portee="transversal").values_list("intitule", flat=True)) == [
        "La mobilité"
    ]
    assert (ctg.diagnostic.enjeux.count(), ctg.plan.axes.count()) == (5, 4)
    paid = ctg.suivante.financements.select_related("equipement")
    assert {row.equipement.gestionnaire_id == row.beneficiaire_id for row in paid} == {True}


def _check_cauvaldor():
    ctg = Convention.objects.get(code="cauvaldor-ctg-2018")
    assert (ctg.signee_le, ctg.territoire.communes.count()) == (D(2018, 1, 16), 77)
    assert (ctg.diagnostic.ateliers.count(), ctg.plan.axes.count()) == (15, 4)
    assert all(atelier.participants for atelier in ctg.diagnostic.ateliers.all())
    # Its money is invented, and says so line by line.
    money = Financement.objects.filter(convention__territoire=ctg.territoire)
    assert set(money.values_list("source", flat=True)) == {"Donnée d’illustration"}
    assert {row.exercice for row in ctg.suivante.financements.par_exercice()} == set(range(2022, 2027))
    assert None not in ctg.suivante.financements.totaux().values()


def _check_carlades():
    ctg = Convention.objects.get(code="carlades-ctg-2020")
    gmr = Convention.objects.get(code="carlades-gmr-2022")
    com = Convention.objects.get(code="carlades-com-2022")
    assert (ctg.periode, gmr.periode, com.periode) == ("2020–2024", "2022–2025", "2022–2024")
    assert (gmr.principale, com.principale) == (ctg, ctg)
    assert (ctg.plan.axes.count(), gmr.fiches_partagees.count()) == (4, 30)
    yearly = com.financements.order_by("exercice").values_list("exercice", "verse")
    assert list(yearly) == [(year, Decimal("107900.00")) for year in (2022, 2023, 2024)]
    assert {row.imputation.fiche.code for row in com.financements.all()} == {"4.2.1"}
    assert set(com.fiches_partagees.values_list("code", flat=True)) == {"4.2.1"}
    assert ctg.plan.axes.exclude(enjeu_central="").exists()
    # The centre is a partner, an équipement of the register and what the money of two contracts keeps open.
    centre = Equipement.objects.get(territoire=ctg.territoire, nom="Centre socio-culturel du Carladès")
    assert set(com.financements.values_list("equipement", "beneficiaire")) == {
        (centre.pk, centre.gestionnaire_id)
    }
    assert gmr.financements.filter(equipement=centre).exists()


def _check_cazals():
    ctg = Convention.objects.get(code="cazals-salviac-ctg-2022")
    assert (ctg.debut, ctg.fin) == (D(2022, 1, 1), D(2026, 12, 31))
    assert (ctg.precedente.periode, ctg.suivante.statut) == ("2018–2021", "preparation")
    assert (ctg.signataires.count(), ctg.diagnostic.enjeux.count(), ctg.plan.axes.count()) == (6, 9, 4)
    money = dict(
        Financement.objects.filter(convention=ctg, exercice=2022)
        .values_list("beneficiaire__nom")
        .annotate(Sum("verse"))
    )
    assert money == {
        "CC Cazals-Salviac": Decimal("248220.56"),
        "Commune de Cazals (ALAE) et association Les Jardiniers Bourians (EVS)": Decimal("77647.00"),
    }
    diagnostic = ctg.diagnostic
    assert dict(diagnostic.constats.order_by().values_list("nature").annotate(models.Count("pk"))) == {
        "point_fort": 4,
        "point_vigilance": 10,
    }
    # What the COPIL validated is frozen, and the next diagnostic starts from it with the holes of its thread.
    assert (diagnostic.statut, ctg.documents.filter(nature="diagnostic").count()) == ("valide", 1)
    assert ctg.suivante.diagnostic.precedent == diagnostic
    reader = User.objects.get(email="coordination@example.org")
    holes = {trou.cle: len(trou.lignes) for trou in read_fil(ctg.suivante, reader).trous}
    assert holes == {
        "constat_sans_preuve": 4,
        "constat_sans_enjeu": 2,
        "enjeu_sans_objectif": 1,
        "objectif_sans_enjeu": 1,
        "fiche_sans_enjeu": 1,
        "objectif_sans_indicateur": 2,
    }
    register = Equipement.objects.filter(territoire=ctg.territoire)
    assert dict(register.values_list("type__code").annotate(models.Count("pk"))) == {
        "evs": 1,
        "tiers-lieu": 2,
        "bibliotheque": 4,
        "france-services": 3,
        "alsh-extrascolaire": 2,
        "multi-accueil": 1,
        "rpe": 1,
        "ama": 1,
        "alae": 1,
        "garderie": 1,
        "maison-de-sante": 1,
        "ecole-de-musique": 1,
    }
    assert register.en_service().count() == 19
    assert not register.exclude(capacite=None).exists()
    assert "5 372" in ctg.diagnostic.portrait.replace("\u202f", " ").replace("\u00a0", " ")


def _check_quercy():
    ctg = Convention.objects.get(code="quercy-rouergue-ctg-2021")
    assert (ctg.signee_le, ctg.fin, ctg.horizon_projet.year) == (D(2021, 12, 15), D(2024, 12, 31), 2025)
    communes = ctg.signataires.filter(organisation__nature="commune").order_by("organisation__nom")
    assert list(communes.values_list("organisation__commune__nom", flat=True)) == [
        "Laguépie",
        "Parisot",
        "Saint-Antonin-Noble-Val",
    ]
    assert ctg.territoire.communes.count() == 17


def _check_documents():
    public = Document.objects.publics().filter(convention__code="labastide-murat-ctg-2019")
    assert set(public.values_list("nature", flat=True)) == {"diagnostic", "convention", "plan"}
    cazals = Convention.objects.get(code="cazals-salviac-ctg-2022")
    assert not cazals.signataires.filter(copie=None).exists()
    assert max(cazals.documents_deposes.values_list("version", flat=True)) == 2
    assert all(row.taille < 100_000 for row in Document.objects.all())


def _check_avenants():
    signed = Avenant.objects.get(statut="signe")
    assert signed.convention.code == "cauvaldor-ctg-2022"
    assert signed.signataires_entres.count() == 1
    # Those in project leave the published facts as they are.
    assert set(Avenant.objects.filter(statut="projet").values_list("convention__code", flat=True)) == {
        "cauvaldor-ctg-2022",
        "quercy-rouergue-ctg-2021",
    }


def _check_life():
    running = fiches_of("cazals-salviac-ctg-2022")
    assert running.late().exists()
    assert {"brouillon", "en_relecture", "a_completer", "validee"} <= set(
        running.values_list("redaction", flat=True)
    )
    assert Reunion.objects.a_venir().filter(instance__convention__code="cazals-salviac-ctg-2022").exists()
    assert not Convention.objects.exclude(avertissement__contains="illustration").exists()
    assert not User.objects.exclude(email__endswith="@example.org").exists()
    assert [account["email"].split("@")[0] for account in demo_accounts()[:7]] == [
        "coordination",
        "redaction",
        "relecture",
        "pilotage",
        "lecture",
        "administration",
        "technique",
    ]


def _check_notifications():
    told = {}
    for who in ("coordination", "redaction", "relecture"):
        user = User.objects.get(email=f"{who}@example.org")
        unread = Notification.objects.visible_to(user).non_lues()
        told[who] = set(unread.values_list("genre", flat=True))
    assert {"a_completer", "commentaire", "etape_en_retard"} <= told["coordination"] & told["redaction"]
    assert "soumise" in told["relecture"]
    assert not Notification.objects.filter(fiche__plan__convention__statut="close").exists()


def _check_printing():
    """Three plans of the eight: ``benchmarks/plan_pdf.py --check`` prints and checks them all, in both editions."""
    for code in ("cazals-salviac-ctg-2022", "cazals-salviac-ctg-2027", "cauvaldor-ctg-2022"):
        plan = PlanActions.objects.select_related("convention__territoire__departement").get(
            convention__code=code
        )
        content = render_pdf(plan_html(plan))
        assert page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures == [], code
        assert faults(content) == set(), code


def _check_export():
    ctg = Convention.objects.get(code="cazals-salviac-ctg-2022")
    written = run("export_convention", ctg.code)
    assert written == run("export_convention", ctg.code) == dump_convention(ctg)
    assert "@" not in written
    found = json.loads(written)
    assert (found["convention"]["debut"], found["convention"]["fin"]) == ("2022-01-01", "2026-12-31")
    assert (len(found["signataires"]), len(found["diagnostic"]["enjeux"]), len(found["plan"]["axes"])) == (
        6,
        9,
        4,
    )
    assert len(found["equipements"]) == 19
    assert found["equipements"][0]["type"] == {"code": "multi-accueil", "famille": "petite_enfance"}
    (totals,) = found["financements"]["totaux"]
    assert {row["beneficiaire"]: row["verse"] for row in totals["par_beneficiaire"]} == {
        "CC Cazals-Salviac": "248220.56",
        "Commune de Cazals (ALAE) et association Les Jardiniers Bourians (EVS)": "77647.00",
    }
    lignes = found["financements"]["lignes"]
    assert sorted(row["verse"] for row in lignes) == ["157191.67", "2585.73", "77647.00", "88443.16"]
