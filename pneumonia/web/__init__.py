"""What app.py shows and how it is served: the only room that imports Gradio.

Gradio reads its environment when it is imported, so that is set here.
"""

import os
import secrets
import tempfile
from pathlib import Path

# Uploads and answers. A name that nobody can guess, because others may write into the
# folder around it.
FOLDER = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()).resolve()
FOLDER /= f"pneumonia-{secrets.token_hex(8)}"
os.environ["GRADIO_TEMP_DIR"] = str(FOLDER)
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Gradio asks matplotlib, where that is installed, for its backend at every event; where
# none is named, the first request would wait 0.3 s while matplotlib looks for one.
os.environ.setdefault("MPLBACKEND", "agg")
