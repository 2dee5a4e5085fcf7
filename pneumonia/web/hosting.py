"""What a Space on the Hub does to the app, and what the app does about it."""

import os

import gradio.http_server


def prepare() -> None:
    """To be called before the app is launched; on a machine of one's own, no more.

    On ZeroGPU, a Space is stopped that names no function for the GPU: here is one.
    Nothing calls it, so no visitor spends a share of a GPU, and no process is forked:
    the model runs on ONNX Runtime's build for processors, in this process.

    On every Space, Gradio starts a second server, which takes new source code for the
    running app from whoever reaches its port, on all addresses. This app has none: the
    name by which Gradio starts it leads to nothing.
    """
    gradio.http_server.watchfn_spaces = lambda reloader: None
    if os.environ.get("SPACES_ZERO_GPU"):
        import spaces  # which every Space installs

        spaces.GPU(prepare)
