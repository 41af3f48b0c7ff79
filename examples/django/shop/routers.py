class ArchiveRouter:
    """Sales are in the archive, and nothing else is."""

    def db_for_read(self, model, **hints):
        return "archive" if model._meta.label == "shop.Sale" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        is_sale = (app_label, model_name) == ("shop", "sale")
        return is_sale == (db == "archive")
