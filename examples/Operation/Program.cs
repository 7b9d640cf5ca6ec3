// An operation of one's own: its forward in primitives of the device, its backward in tensors, and a check against finite differences.
using Engine;
using Engine.Verification;

using ReferenceDevice device = new();
using Tensor x = Tensor.From<double>(device, new Shape(3), [-1, 2, 3]);
x.RequiresGradient = true;
Square(x).Sum().Backward();
Console.WriteLine($"the gradient of the sum of squares of [-1, 2, 3] is [{string.Join(", ", x.Gradient!.ToArray<double>())}]");

using Tensor input = GradientCheck.Spread(device, new Shape(2, 3, 3, 4), new RandomSource(1));
input.RequiresGradient = true;
GradientCheck.RunEveryPath(inputs => Square(inputs[0]), [input]).Require(1e-6);
Console.WriteLine("the backward agrees with central differences");

// y = x squared; dx = 2 x dy.
static Tensor Square(Tensor x) => Function.Apply("square", x, forward: y => x.Device.Multiply(x, x, y), backward: dy => dy * x * 2);
