from django.db import migrations, models


class Migration(migrations.Migration):
    """The choices of a column, and nothing in the database."""

    dependencies = [("governance", "0003_document_en_preparation")]

    operations = [
        migrations.AlterField(
            model_name="documentemis",
            name="nature",
            field=models.CharField(
                choices=[
                    ("dossier_seance", "Dossier de séance"),
                    ("diagnostic", "Diagnostic partagé"),
                ],
                max_length=20,
                verbose_name="nature",
            ),
        )
    ]
