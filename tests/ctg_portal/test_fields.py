from decimal import Decimal

import pytest
from django import forms
from django.core.exceptions import ValidationError

from ctg_portal.fields import MontantField, parse_montant


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("157 191,67", "157191.67"),
        ("248220.56", "248220.56"),
        ("157\u202f191,67\u00a0€", "157191.67"),
        ("88 443,16 €", "88443.16"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("12,5", "12.5"),
        ("0", "0"),
        ("−5,10", "-5.10"),
    ],
)
def test_parse_montant(text, amount):
    assert parse_montant(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["1,234", "1.234", "107,900 €", "-1,234"])
def test_one_separator_before_three_digits_is_never_guessed(text):
    with pytest.raises(ValidationError) as refused:
        parse_montant(text)

    assert refused.value.code == "ambiguous"
    assert "peut se lire de deux façons" in refused.value.message


@pytest.mark.parametrize(
    "text", ["douze", "12 34", "1e5", "NaN", "Infinity", "12,", ",5", "1,2,3", "١٢", "12\x00", "€", "--5"]
)
def test_what_is_not_an_amount_is_refused(text):
    with pytest.raises(ValidationError) as refused:
        parse_montant(text)

    assert refused.value.messages == ["Écrivez un montant en euros, comme 157 191,67 ou 248220.56."]


def test_thousandths_of_a_euro_are_refused():
    with pytest.raises(ValidationError, match="deux décimales"):
        parse_montant("12,3456")


class Form(forms.Form):
    montant = MontantField(required=False)


def test_field_shows_the_amount_as_in_french():
    assert 'value="157\u202f191,67"' in str(Form(initial={"montant": Decimal("157191.67")})["montant"])


@pytest.mark.parametrize("typed", ["157 191,67", "157191.67", "157\u202f191,67"])
def test_field_written_otherwise_has_not_changed(typed):
    form = Form({"montant": typed}, initial={"montant": Decimal("157191.67")})

    assert not form.has_changed()


def test_field_refuses_more_digits_than_the_column_holds():
    assert not Form({"montant": "12345678901,00"}).is_valid()


def test_what_was_typed_comes_back_when_refused():
    form = Form({"montant": "1,234"})

    assert not form.is_valid()
    assert 'value="1,234"' in str(form["montant"])


def test_empty_field_is_absent_not_zero():
    form = Form({"montant": "  "})

    assert form.is_valid()
    assert form.cleaned_data == {"montant": None}
