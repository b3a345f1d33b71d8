"""Makes the scene that is rendered to try the images: our own, nothing of it is anybody else's.

make-scene.py FOLDER, with the Blender whose version the scene is to have. With `cube` before FOLDER it is a small one, as tests
keep it.
"""

import math
import os
import sys

import bpy

folder = os.path.abspath(sys.argv[-1])
small = "cube" in sys.argv
name = "cube" if small else "monkey"
os.makedirs(os.path.join(folder, "textures"), exist_ok=True)

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene

checks = bpy.data.images.new("checks", 16, 16)
orange, blue = (0.9, 0.35, 0.1, 1.0), (0.1, 0.3, 0.8, 1.0)
checks.pixels = [part for y in range(16) for x in range(16) for part in (orange if (x // 4 + y // 4) % 2 else blue)]
checks.filepath_raw = os.path.join(folder, "textures", "checks.png")
checks.file_format = "PNG"
checks.save()

paint = bpy.data.materials.new("paint")
paint.use_nodes = True
nodes, links = paint.node_tree.nodes, paint.node_tree.links
picture = nodes.new("ShaderNodeTexImage")
picture.image = checks
links.new(picture.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])

add = bpy.ops.mesh.primitive_cube_add if small else bpy.ops.mesh.primitive_monkey_add
add(size=2, location=(0, 0, 1.1))
thing = bpy.context.object
thing.data.materials.append(paint)
if not small:
    thing.modifiers.new("smooth", "SUBSURF").render_levels = 2
bpy.ops.mesh.primitive_plane_add(size=20)
thing.rotation_euler = (0, 0, 0)
thing.keyframe_insert("rotation_euler", frame=1)
thing.rotation_euler = (0, 0, math.tau)
thing.keyframe_insert("rotation_euler", frame=25)

bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.2, 0.4))
bpy.context.object.data.energy = 3
bpy.ops.object.camera_add(location=(0, -6, 2.5), rotation=(math.radians(75), 0, 0))
scene.camera = bpy.context.object

scene.render.engine = "CYCLES"
scene.cycles.samples = 32
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 320, 240, 100
scene.render.image_settings.file_format = "PNG"
scene.frame_start, scene.frame_end = 1, 24
scene.render.filepath = "//"
place = os.path.join(folder, f"{name}.blend")
bpy.context.preferences.filepaths.save_version = 0
bpy.context.preferences.filepaths.file_preview_type = "NONE"
bpy.ops.wm.save_as_mainfile(filepath=place, compress=True)
bpy.ops.file.make_paths_relative()
bpy.ops.wm.save_mainfile(compress=True)
