"""Where tracks feed what is learnt: how sure carried boxes are."""
