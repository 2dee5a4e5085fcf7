"""How good a model is: figures, intervals, the report and the model card."""
