#!/usr/bin/env dotnet
#:property PublishAot=false

// Draws docs/images/architecture.svg: the house in three rings, and which assembly uses which.
//   dotnet run eng/draw-house.cs
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

Box[] rings =
[
    new("ring 3: what people run", 20, 20, 960, 205, "#f3f4f6"),
    new("ring 2: images and networks", 20, 245, 960, 110, "#e8eef7"),
    new("ring 1: the engine, nothing but .NET", 20, 375, 960, 315, "#dbe7f5"),
];
Box[] rooms =
[
    new("Cli", 60, 50, 890, 50, "#ffffff", "the engine command"),
    new("Live", 60, 115, 210, 50, "#ffffff", "the study's report in a browser"),
    new("Study", 320, 115, 210, 50, "#ffffff", "how gradients flow"),
    new("Onnx", 580, 115, 170, 50, "#ffffff", "export"),
    new("TensorBoard", 780, 115, 170, 50, "#ffffff", "event files"),
    new("Models", 60, 280, 430, 60, "#ffffff", "networks by name, residual blocks, their backward by hand"),
    new("Vision", 520, 280, 430, 60, "#ffffff", "JPEG and PNG, folders, crops, predictions"),
    new("Training", 60, 410, 290, 50, "#ffffff", "trainer, callbacks, checkpoints"),
    new("Verification", 370, 410, 290, 50, "#ffffff", "the devices' contract, gradient checks"),
    new("Data", 680, 410, 270, 50, "#ffffff", "data sets, loader"),
    new("Optimizers", 60, 475, 290, 50, "#ffffff", "SGD, AdamW, clipping, averages"),
    new("Formats", 370, 475, 290, 50, "#ffffff", "safetensors, PyTorch's files"),
    new("Layers", 680, 475, 270, 50, "#ffffff", "modules, parameters, hooks"),
    new("Tensors, Autograd, Operations", 60, 600, 370, 70, "#fff7e0", "a tape over hand-derived backwards"),
    new("Device", 460, 600, 240, 70, "#fde8c8", "the one seam: Cpu, Reference, Meta"),
    new("Kernels", 750, 600, 200, 70, "#fde8c8", "CUDA: kernels.cu, cuDNN"),
];
(string From, string To)[] arrows = [("Live", "Study"), ("Kernels", "Device")];
StringBuilder svg = new();
svg.Append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 710\" "
    + "font-family=\"system-ui, sans-serif\" role=\"img\" aria-label=\"The house: three rings\">\n");
svg.Append("<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
    + "orient=\"auto-start-reverse\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#4b5563\"/></marker></defs>\n");
svg.Append("<rect width=\"1000\" height=\"710\" fill=\"#ffffff\"/>\n");
foreach (Box ring in rings)
{
    Line($"<rect x=\"{ring.X}\" y=\"{ring.Y}\" width=\"{ring.Width}\" height=\"{ring.Height}\" rx=\"10\" fill=\"{ring.Fill}\"/>");
    Line($"<text x=\"{ring.X + ring.Width - 12}\" y=\"{ring.Y + 22}\" font-size=\"14\" text-anchor=\"end\" fill=\"#4b5563\">{ring.Name}</text>");
}

foreach (Box room in rooms)
{
    Line($"<rect x=\"{room.X}\" y=\"{room.Y}\" width=\"{room.Width}\" height=\"{room.Height}\" rx=\"6\" fill=\"{room.Fill}\" stroke=\"#6b7280\"/>");
    double middle = room.X + (room.Width / 2), height = room.Y + (room.Height / 2);
    Line($"<text x=\"{middle}\" y=\"{height - 3}\" font-size=\"16\" font-weight=\"600\" text-anchor=\"middle\" fill=\"#111827\">{room.Name}</text>");
    Line($"<text x=\"{middle}\" y=\"{height + 15}\" font-size=\"12\" text-anchor=\"middle\" fill=\"#374151\">{room.Words}</text>");
}

// Rooms lie on what they use, so only arrows to the side are drawn, and one from each ring to the next.
foreach ((string from, string to) in arrows)
{
    (Box a, Box b) = (rooms.Single(r => r.Name == from), rooms.Single(r => r.Name == to));
    string line = string.Create(
        CultureInfo.InvariantCulture,
        $"x1=\"{(a.X > b.X ? a.X : a.X + a.Width)}\" y1=\"{a.Y + (a.Height / 2)}\" x2=\"{(a.X > b.X ? b.X + b.Width + 1 : b.X - 1)}\" y2=\"{b.Y + (b.Height / 2)}\"");
    Line($"<line {line} stroke=\"#4b5563\" stroke-width=\"1.5\" marker-end=\"url(#tip)\"/>");
}

foreach (double y in (double[])[172, 342, 532])
{
    Line($"<line x1=\"500\" y1=\"{y}\" x2=\"500\" y2=\"{y + 50}\" stroke=\"#4b5563\" stroke-width=\"3\" marker-end=\"url(#tip)\"/>");
}

Line($"<text x=\"515\" y=\"562\" font-size=\"13\" fill=\"#374151\">each room uses what lies below it, and nothing above</text>");
svg.Append("</svg>\n");
File.WriteAllText(Path.Combine(Root(), "../docs/images/architecture.svg"), svg.ToString());

void Line(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');

static string Root([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

internal sealed record Box(string Name, double X, double Y, double Width, double Height, string Fill, string Words = "");
