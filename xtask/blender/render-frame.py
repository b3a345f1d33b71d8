#!/usr/bin/python3
"""Renders one frame of a Blender file: what the images of Blender have as `render-frame`.

render-frame SCENE --frame N --out NAME [--tree FILE] [--width N --height N] [--samples N] [--engine scene|cycles]

SCENE and its files lie in /iexec_in, which has no folders: FILE, also there, says which path beside the scene each stands for, a
line each: path, tab, name. The frame is
left in the current folder as NAME, in the file type that the scene's own settings ask for. It holds no time, host or path, so
that the same scene gives the same bytes wherever it is rendered; one thread draws it, for a task has one core.
"""

import argparse
import os
import sys

import bpy

INPUTS = "/iexec_in"
TREE = "/tmp/scene"
FILMS = {"FFMPEG", "AVI_JPEG", "AVI_RAW", "FRAMESERVER"}


def arguments():
    # Under `blender -P` what comes before `--` is Blender's own.
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser(prog="render-frame")
    parser.add_argument("scene")
    parser.add_argument("--frame", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--tree")
    parser.add_argument("--width", type=int)
    parser.add_argument("--height", type=int)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--engine", choices=["scene", "cycles"], default="scene")
    return parser.parse_args(words)


def lay_out(scene, tree):
    """The scene's folder as it was, out of links."""
    pairs = [(scene, scene)]
    if tree:
        with open(os.path.join(INPUTS, tree), encoding="utf-8") as lines:
            pairs += [tuple(line.rstrip("\n").split("\t")) for line in lines]
    for path, name in pairs:
        place = os.path.join(TREE, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(os.path.join(INPUTS, name), place)
    return os.path.join(TREE, scene)


def settle(scene, asked):
    """What the frame is to be; nothing of when and where it was made."""
    render = scene.render
    if asked.engine == "cycles":
        render.engine = "CYCLES"
    if asked.width:
        render.resolution_x, render.resolution_percentage = asked.width, 100
    if asked.height:
        render.resolution_y, render.resolution_percentage = asked.height, 100
    if render.engine == "CYCLES":
        scene.cycles.device = "CPU"
        if asked.samples:
            scene.cycles.samples = asked.samples
            scene.cycles.use_adaptive_sampling = False
    render.threads_mode, render.threads = "FIXED", 1
    # Of what could be written down beside the picture nothing is; labels are the one word of these that means its opposite.
    for name in dir(render):
        if name.startswith("use_stamp"):
            setattr(render, name, name == "use_stamp_labels")
    settings = render.image_settings
    if hasattr(settings, "media_type") and settings.media_type == "VIDEO":
        settings.media_type = "IMAGE"
    if settings.file_format in FILMS:
        settings.file_format = "PNG"
    render.use_file_extension = False
    render.use_overwrite = True
    render.use_placeholder = False
    render.filepath = os.path.join(os.getcwd(), asked.out)
    scene.frame_set(asked.frame)


def main():
    asked = arguments()
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    bpy.ops.wm.open_mainfile(filepath=lay_out(asked.scene, asked.tree), load_ui=False, use_scripts=False)
    scene = bpy.context.scene
    settle(scene, asked)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    if not os.path.isfile(asked.out):
        sys.exit(f"frame {asked.frame} was not written")


main()
