"""Diagnostics, questionnaires and figures."""

from decimal import Decimal
from typing import Any

from django.db import models

from conventions.models import Commune, Equipement, Territoire
from ctg_portal.demo.etat import Etat, pick, text
from ctg_portal.demo.reader import cells
from diagnostics.models import (
    FRANCE,
    Atelier,
    Constat,
    Diagnostic,
    Enjeu,
    Indicateur,
    Parole,
    Question,
    Questionnaire,
    Reponse,
    Valeur,
    new_cle,
)

REFERENCE = "INSEE, populations légales, reprises de découpage administratif 6.0.0"


class Diagnostics(Etat):
    def write_diagnostic(self, code: str, row: dict[str, Any]) -> None:
        diagnostic = Diagnostic(
            convention=self.conventions[code],
            precedent=Diagnostic.objects.get(convention=self.conventions[row["precedent"]])
            if "precedent" in row
            else None,
            **pick(
                row, "annee", "methode", "synthese", "portrait", "offre_services", "paroles_terrain", "statut"
            ),
        )
        if row.get("annexe") == "figee":
            # Validated once everything is there: its document is frozen then.
            diagnostic.statut = Diagnostic.Statut.PARTAGE
            self.a_valider.append(diagnostic)
        diagnostic.full_clean()
        diagnostic.save()
        ateliers: list[Atelier] = []
        for ordre, cell in enumerate(row.get("ateliers", [])):
            intitule, theme, date, lieu, participants, organisations, synthese = cells(cell, 7)
            atelier = self.batch.add(
                Atelier(
                    diagnostic=diagnostic,
                    ordre=ordre,
                    intitule=intitule,
                    theme=self.domaines[theme] if theme else None,
                    date=self.day(date),
                    lieu=lieu,
                    participants=participants if participants != "" else None,
                    synthese=text(synthese),
                )
            )
            ateliers.append(atelier)
            self.batch.link(atelier, "organisations", [self.organisations[key] for key in organisations])
        paroles: list[Parole] = []
        for ordre, cell in enumerate(row.get("paroles", [])):
            contenu, locuteur, theme, numero, origine = cells(cell, 5)
            paroles.append(
                self.batch.add(
                    Parole(
                        diagnostic=diagnostic,
                        ordre=ordre,
                        texte=contenu,
                        locuteur=locuteur,
                        theme=self.domaines[theme] if theme else None,
                        atelier=ateliers[numero - 1] if numero else None,
                        origine=origine,
                    )
                )
            )
        self.constats[code] = []
        for ordre, (nature, intitule, theme, elements) in enumerate(row.get("constats", [])):
            constat = Constat(
                diagnostic=diagnostic,
                ordre=ordre,
                nature=f"point_{nature}",
                intitule=intitule,
                theme=self.domaines[theme] if theme else None,
                elements=text(elements),
            )
            self.constats[code].append(self.batch.add(constat))
        self.enjeux[code] = []
        for ordre, cell in enumerate(row.get("enjeux", [])):
            intitule, contenu, constats, portee = cells(cell, 4)
            enjeu = Enjeu(
                diagnostic=diagnostic,
                ordre=ordre,
                intitule=intitule,
                texte=text(contenu),
                portee=portee or Enjeu.Portee.THEMATIQUE,
            )
            self.enjeux[code].append(self.batch.add(enjeu))
            self.batch.link(enjeu, "constats", [self.constats[code][number - 1] for number in constats or []])
        self.batch.write()
        for line in row.get("questionnaires", []):
            self.write_questionnaire(diagnostic, line)

        self.write_preuves(diagnostic, self.constats[code], paroles, row.get("preuves", []))

    def write_preuves(
        self,
        diagnostic: Diagnostic,
        constats: list[Constat],
        paroles: list[Parole],
        rows: list[dict[str, Any]],
    ) -> None:
        """What shows a constat: ``constat`` and ``paroles`` are numbers in their lists, ``valeurs`` figures gathered before."""
        territoire = diagnostic.convention.territoire
        for row in rows:
            constat = constats[row["constat"] - 1]
            constat.paroles.add(*(paroles[number - 1] for number in row.get("paroles", [])))
            for code, annee in row.get("valeurs", []):
                constat.valeurs.add(
                    Valeur.objects.exclude(source=REFERENCE).get(
                        territoire=territoire,
                        indicateur=self.indicateurs[code],
                        niveau=Valeur.Niveau.EPCI,
                        annee=annee,
                    )
                )
            for types in row.get("types_equipements", []):
                constat.equipements.add(*Equipement.objects.filter(territoire=territoire, type__code=types))

    def write_questionnaire(self, diagnostic: Diagnostic, row: dict[str, Any]) -> None:
        """``reponses`` are one day and one value a question, empty where nothing was answered."""
        questionnaire = Questionnaire(
            diagnostic=diagnostic,
            cle=new_cle(),
            **{name: self.day(row[name]) for name in ("ouvre_le", "ferme_le")},
            **pick(row, "intitule", "introduction", "destinataires"),
        )
        questionnaire.full_clean()
        questionnaire.save()
        questions = []
        for ordre, (intitule, nature, choix, exigence) in enumerate(row["questions"]):
            question = Question(
                questionnaire=questionnaire,
                ordre=ordre,
                intitule=intitule,
                nature=nature,
                choix="\n".join(choix),
                exigence=exigence,
            )
            question.full_clean()
            question.save()
            questions.append(question)
        reponses = []
        for jour, *valeurs in row["reponses"]:
            kept = {
                str(question.pk): valeur
                for question, valeur in zip(questions, valeurs, strict=True)
                if valeur != ""
            }
            if refused := [q for q in questions if str(q.pk) in kept and not q.accepts(kept[str(q.pk)])]:
                raise ValueError(f"{refused[0]}: {kept[str(refused[0].pk)]!r} is no answer")
            reponses.append(
                Reponse(
                    questionnaire=questionnaire,
                    valeurs=kept,
                    recue_le=self.day(jour) or questionnaire.ouvre_le,
                )
            )
        Reponse.objects.bulk_create(reponses)

    # Figures

    def write_chiffres(self, rows: dict[str, list[Any]]) -> None:
        """The populations of the reference data for every territoire, then what the file gives to some of them."""
        self.indicateurs = {row.code: row for row in Indicateur.objects.all()}
        for territoire in self.territoires.values():
            self.write_populations(territoire)
        for key, lines in rows.items():
            for indicateur, niveau, code, source, annee, *values in lines:
                # One value a year, from ``annee`` on.
                for rank, value in enumerate(values):
                    self.add_chiffre(
                        self.territoires[key], indicateur, (niveau, code), annee + rank, value, source
                    )
        self.batch.write()

    def add_chiffre(
        self,
        territoire: Territoire,
        indicateur: str,
        lieu: tuple[str, str],
        annee: int,
        value: str,
        source: str,
    ) -> None:
        """``value`` is a decimal text, or « secret » or « absente »; no code: the territoire's own."""
        niveau, code = lieu
        is_absent = value in Valeur.Absence.values
        self.batch.add(
            Valeur(
                territoire=territoire,
                indicateur=self.indicateurs[indicateur],
                niveau=niveau,
                code=code or territoire.siren,
                annee=annee,
                valeur=None if is_absent else Decimal(value),
                absence=value if is_absent else "",
                source=source,
            )
        )

    def write_populations(self, territoire: Territoire) -> None:
        communes, departement = Commune.objects.all(), territoire.departement
        places: list[tuple[Valeur.Niveau, str, int | None]] = [
            (Valeur.Niveau.COMMUNE, row.code, row.population) for row in territoire.communes.all()
        ]
        places.append((Valeur.Niveau.EPCI, territoire.siren, territoire.population))
        for niveau, code, members in (
            (Valeur.Niveau.DEPARTEMENT, departement.code, communes.filter(departement=departement)),
            (
                Valeur.Niveau.REGION,
                departement.code_region,
                communes.filter(departement__code_region=departement.code_region),
            ),
            (Valeur.Niveau.FRANCE, FRANCE, communes),
        ):
            places.append((niveau, code, members.aggregate(total=models.Sum("population"))["total"]))
        for niveau, code, population in places:
            value = "absente" if population is None else str(population)
            # The file gives an EPCI another population than the sum of its communes: two sources, both shown.
            source = REFERENCE if niveau == Valeur.Niveau.EPCI else f"{REFERENCE}, par commune"
            self.add_chiffre(territoire, "population", (niveau, code), territoire.millesime, value, source)

    # Plans
