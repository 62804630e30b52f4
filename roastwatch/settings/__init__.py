"""The settings: the model that checks them, and the document made from it."""
