// Compiles a CUDA kernel from a file beside the program, launches it on tensors and measures it.
using Engine;
using Engine.Kernels;

using CudaDevice device = CudaDevice.Open();
int n = args.Length > 0 ? int.Parse(args[0]) : 1 << 24;
using Tensor x = Tensor.From<float>(device, new Shape(n), [.. Enumerable.Range(0, n).Select(i => (i % 17) - 8f)]);
using Tensor y = Tensor.Create(device, new Shape(n), DataType.Float32);

string source = Path.Combine(AppContext.BaseDirectory, "swish.cu");
CudaKernel swish = device.Compile(File.ReadAllText(source), "swish.cu").GetKernel("swish");
swish.Launch(n, x.AsInput(), y, n);

float[] values = y.ToArray<float>();
Console.WriteLine($"swish(-8) = {values[0]:F4}, swish(1) = {values[9]:F4}");
Console.WriteLine(device.Measure(() => swish.Launch(n, x.AsInput(), y, n), bytes: 2 * x.ByteCount));
